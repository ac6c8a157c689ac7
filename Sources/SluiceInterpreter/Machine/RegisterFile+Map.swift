/// Applies a function to every element of rows: the loops that the optimiser turns into vector code.
extension RegisterFile {
  /// `result = body(a)`.
  @inline(__always)
  func map<A: BitwiseCopyable, R: BitwiseCopyable>(_ code: Code, _ width: Int, _ body: (A) -> R) {
    let a = row(code.a, width, A.self)
    row(code.result, width, R.self).set(width) { body(a[$0]) }
  }

  /// Lane `i % lanes` of `result` takes in element `i` of `b`, in order.
  @inline(__always)
  func fold<Element: BitwiseCopyable>(_ code: Code, _ width: Int, _ body: (Element, Element) -> Element) {
    let lanes = Int(code.index)
    let total = row(code.result, lanes, Element.self)
    let values = row(code.b, width, Element.self)
    var start = 0
    while start < width {
      let block = values.dropping(start)
      total.set(Swift.min(lanes, width - start)) { body(total[$0], block[$0]) }
      start += lanes
    }
  }

  /// The lanes of `a`, combined as a tree, in `result`.
  @inline(__always)
  func tree<Element: BitwiseCopyable>(_ code: Code, _ body: (Element, Element) -> Element) {
    var half = Int(code.index)
    let lanes = row(code.a, half, Element.self)
    half /= 2
    while half >= 1 {
      let upper = lanes.dropping(half)
      lanes.set(half) { body(lanes[$0], upper[$0]) }
      half /= 2
    }
    set(code.result, lanes[0])
  }

  /// Copies elements of some size.
  @inline(__always)
  func copy<Element: BitwiseCopyable>(_ code: Code, _ width: Int, _: Element.Type) {
    map(code, width) { (value: Element) in value }
  }

  /// Every element of `result` = the scalar `a`.
  @inline(__always)
  func splat<Element: BitwiseCopyable>(_ code: Code, _ width: Int, _ type: Element.Type) {
    let value = get(code.a, type)
    row(code.result, width, type).set(width) { _ in value }
  }
}

extension Row {
  /// Sets every element.
  @inline(__always)
  func set(_ width: Int, _ element: (Int) -> Element) {
    var i = 0
    while i < width {
      self[i] = element(i)
      i &+= 1
    }
  }
}
