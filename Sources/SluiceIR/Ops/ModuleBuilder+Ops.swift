/// The ops that expansions are written in, so that they read like the formulas they stand for.
///
/// A second operand of an arithmetic op is repeated to the shape of the first one; numbers take its dtype.
extension ModuleBuilder {
  mutating func add(_ x: ValueID, _ y: ValueID) -> ValueID { make(.add, [x, broadcast(y, like: x)]) }
  mutating func add(_ x: ValueID, _ y: Double) -> ValueID { make(.add, [x, splat(y, like: x)]) }
  mutating func subtract(_ x: ValueID, _ y: ValueID) -> ValueID {
    make(.subtract, [x, broadcast(y, like: x)])
  }
  mutating func subtract(_ x: ValueID, _ y: Double) -> ValueID { make(.subtract, [x, splat(y, like: x)]) }
  mutating func subtract(_ x: Double, _ y: ValueID) -> ValueID { make(.subtract, [splat(x, like: y), y]) }
  mutating func multiply(_ x: ValueID, _ y: ValueID) -> ValueID {
    make(.multiply, [x, broadcast(y, like: x)])
  }
  mutating func multiply(_ x: ValueID, _ y: Double) -> ValueID { make(.multiply, [x, splat(y, like: x)]) }
  mutating func divide(_ x: ValueID, _ y: ValueID) -> ValueID { make(.divide, [x, broadcast(y, like: x)]) }
  mutating func divide(_ x: ValueID, _ y: Double) -> ValueID { make(.divide, [x, splat(y, like: x)]) }
  mutating func maximum(_ x: ValueID, _ y: Double) -> ValueID { make(.maximum, [x, splat(y, like: x)]) }
  mutating func minimum(_ x: ValueID, _ y: ValueID) -> ValueID { make(.minimum, [x, broadcast(y, like: x)]) }
  mutating func unary(_ op: Op, _ x: ValueID) -> ValueID { make(op, [x]) }
  mutating func compare(_ op: Op, _ x: ValueID, _ y: ValueID) -> ValueID {
    make(op, [x, broadcast(y, like: x)])
  }
  mutating func compare(_ op: Op, _ x: ValueID, _ y: Double) -> ValueID { make(op, [x, splat(y, like: x)]) }
  mutating func select(_ condition: ValueID, _ x: ValueID, _ y: ValueID) -> ValueID {
    make(.select, [condition, x, y])
  }
  mutating func cast(_ x: ValueID, _ dtype: DType) -> ValueID {
    self.dtype(x) == dtype ? x : make(.cast, [x], [Attribute(.dtype, .dtype(dtype))])
  }

  /// A reduction along axes counted from the front.
  mutating func reduce(_ op: Op, _ x: ValueID, _ axes: [Int], keepDims: Bool = true) -> ValueID {
    make(
      op, [x],
      [Attribute(.axes, .ints(axes.map { Int64($0) })), Attribute(.keepDims, .bool(keepDims))])
  }

  mutating func reshape(_ x: ValueID, _ shape: [DimID]) -> ValueID {
    self.shape(x) == shape ? x : make(.reshape, [x], [Attribute(.shape, .dims(shape))])
  }

  mutating func broadcast(_ x: ValueID, to shape: [DimID]) -> ValueID {
    self.shape(x) == shape ? x : make(.broadcast, [x], [Attribute(.shape, .dims(shape))])
  }

  mutating func transpose(_ x: ValueID, _ order: [Int]) -> ValueID {
    make(.transpose, [x], [Attribute(.order, .ints(order.map { Int64($0) }))])
  }

  mutating func concat(_ parts: [ValueID], axis: Int) -> ValueID {
    make(.concat, parts, [Attribute(.axis, .int(Int64(axis)))])
  }

  mutating func reverse(_ x: ValueID, axes: [Int]) -> ValueID {
    make(.reverse, [x], [Attribute(.axes, .ints(axes.map { Int64($0) }))])
  }

  /// The elements `start ..< limit` along one axis.
  mutating func slice(_ x: ValueID, axis: Int, _ start: DimID, _ limit: DimID) -> ValueID {
    let shape = shape(x)
    let zero = tables.dims.integer(0)
    let starts = shape.indices.map { $0 == axis ? start : zero }
    let limits = shape.indices.map { $0 == axis ? limit : shape[$0] }
    return make(.slice, [x], [Attribute(.start, .dims(starts)), Attribute(.limit, .dims(limits))])
  }

  /// The elements `start ..< limit` along one axis.
  mutating func slice(_ x: ValueID, axis: Int, _ start: Int, _ limit: Int) -> ValueID {
    slice(x, axis: axis, dim(start), dim(limit))
  }

  /// Copies of a number before and after, for every axis.
  mutating func pad(_ x: ValueID, bits: UInt64, low: [DimID], high: [DimID]) -> ValueID {
    let zero = tables.dims.integer(0)
    if (low + high).allSatisfy({ $0 == zero }) { return x }
    let value = scalar(bits: bits, dtype(x))
    return make(.pad, [x, value], [Attribute(.low, .dims(low)), Attribute(.high, .dims(high))])
  }

  /// The position along an axis of a shape, as i32.
  mutating func iota(_ shape: [DimID], axis: Int, _ dtype: DType = .i32) -> ValueID {
    make(
      .iota, [],
      [
        Attribute(.shape, .dims(shape)), Attribute(.axis, .int(Int64(axis))),
        Attribute(.dtype, .dtype(dtype)),
      ])
  }

  /// A product with labels on the axes, as `contract` writes it.
  mutating func contract(_ equation: String, _ x: ValueID, _ y: ValueID) -> ValueID {
    make(.contract, [x, y], [Attribute(.equation, .string(tables.strings.intern(equation)))])
  }

  /// The windows of an axis, along a new last axis.
  mutating func unfold(_ x: ValueID, axis: Int, size: Int, step: Int, dilation: Int) -> ValueID {
    make(
      .unfold, [x],
      [
        Attribute(.axis, .int(Int64(axis))), Attribute(.size, .int(Int64(size))),
        Attribute(.step, .int(Int64(step))), Attribute(.dilation, .int(Int64(dilation))),
      ])
  }

  /// A dim that is an integer.
  mutating func dim(_ value: Int) -> DimID { tables.dims.integer(Int64(value)) }

  /// A sum of dims that inference has found to fit.
  mutating func sum(_ x: DimID, _ y: DimID) -> DimID {
    guard let sum = tables.dims.add(x, y) else { preconditionFailure("inference accepted the dims") }
    return sum
  }

  /// A difference of dims that inference has found to fit.
  mutating func difference(_ x: DimID, _ y: DimID) -> DimID {
    guard let result = tables.dims.subtract(x, y) else { preconditionFailure("inference accepted the dims") }
    return result
  }

  /// A product of dims that inference has found to fit.
  mutating func product(_ dims: [DimID]) -> DimID {
    guard let product = tables.dims.product(dims) else { preconditionFailure("inference accepted the dims") }
    return product
  }
}

extension Tables {
  /// A text attribute, or what stands for it when it is left out.
  func string(_ attributes: AttributesID, _ name: AttributeName, default value: String) -> String {
    guard let id = self.attributes.string(attributes, name), !id.isNone else { return value }
    return strings[id]
  }

  /// An integer attribute, or what stands for it when it is left out.
  func int(_ attributes: AttributesID, _ name: AttributeName, default value: Int) -> Int {
    self.attributes.int(attributes, name).map { Int($0) } ?? value
  }

  /// Integers of an attribute, or one number several times when it is left out.
  func ints(_ attributes: AttributesID, _ name: AttributeName, default value: Int, count: Int) -> [Int] {
    self.attributes.ints(attributes, name)?.map { Int($0) } ?? Array(repeating: value, count: count)
  }
}
