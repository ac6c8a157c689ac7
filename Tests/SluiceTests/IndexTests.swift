import Sluice
import SluiceFormats
import SluiceIR
import SluicePlan
import SluiceText
import Testing

/// Indices and classes out of range: what is refused, what is not, and how it is said.
@Suite struct IndexTests {
  /// The message of a call, or nil where it runs; `inputs` are those of `@f` in order.
  private func message(_ text: String, _ inputs: [HostTensor], checks: Bool = true) throws -> String? {
    var session = try Session(parseModule(text, file: "m.sluice"))
    session.checksIndices = checks
    do {
      _ = try session.run("f", inputs)
      return nil
    } catch let error as SessionError {
      return error.description
    }
  }

  private static func rows(_ count: Int) -> HostTensor {
    HostTensor((0..<2 * count).map { Float($0) }, shape: [count, 2])
  }

  /// The type of the parts at indices of the type that the code ends with.
  private static func parts(at code: String) -> String {
    "f32[\(code.split(separator: "[").last?.dropLast() ?? ""),2]"
  }

  private static let gather = """
    func @f(%w: f32[N,2], %i: i32[B,T]) -> f32[B,T,2] where N <= 8, B <= 4, T <= 4 {
      %r = gather %w, %i : f32[B,T,2]
      return %r
    }
    """

  @Test func bothEndsOfTheRange() throws {
    let inside = HostTensor([-5, 4, 0, -1] as [Int32], shape: [2, 2])
    #expect(try message(Self.gather, [Self.rows(5), inside]) == nil)
    let outside = HostTensor([0, 5, -6, 4, 5, 1] as [Int32], shape: [3, 2])
    let said =
      "the input `i` of `@f` has indices into 5 elements (`gather`, m.sluice:2), which are -5 to 4; 3 of 6 are"
    #expect(
      try message(Self.gather, [Self.rows(5), outside]) == said + " out of range, the first at [0,1] is 5")
    #expect(try message(Self.gather, [Self.rows(5), outside], checks: false) == nil)
    #expect(
      try message(Self.gather, [Self.rows(0), HostTensor([0] as [Int32], shape: [1, 1])])
        == "the input `i` of `@f` has indices into 0 elements (`gather`, m.sluice:2), of which there are none; "
        + "1 of 1 is out of range, the first at [0,0] is 0")
    #expect(try message(Self.gather, [Self.rows(0), HostTensor([] as [Int32], shape: [1, 0])]) == nil)
  }

  @Test func classesBelowZeroAreNone() throws {
    let text = """
      func @f(%x: f32[B,3], %t: i64[B]) -> f32[] where B <= 8 {
        %r = cross_entropy %x, %t : f32[]
        return %r
      }
      """
    let x = HostTensor([Float](repeating: 0, count: 12), shape: [4, 3])
    #expect(try message(text, [x, HostTensor([2, -1, -100, 0] as [Int64])]) == nil)
    #expect(
      try message(text, [x, HostTensor([1, 2, 3, -1] as [Int64])])
        == "the input `t` of `@f` has classes, of which there are 3 (`cross_entropy`, m.sluice:2): 0 to 2, "
        + "or less than 0 for none; 1 of 4 is out of range, the first at [2] is 3")
  }

  /// What is followed: with 9 at each of these places of a vector of 6, how many elements are out of range.
  @Test(arguments: [
    (
      "%y = reshape %i {shape = [2,3]} : i32[2,3]\n  %z = slice %y {start = [0,1], limit = [2,3]} : i32[2,2]",
      4
    ),
    (
      "%y = slice %i {start = [5], limit = [-1], strides = [-2]} : i32[3]\n  %z = reshape %y {shape = [3,1]} : i32[3,1]",
      3
    ),
    (
      "%y = reshape %i {shape = [3,2]} : i32[3,2]\n  %t = transpose %y {order = [1,0]} : i32[2,3]\n"
        + "  %u = reshape %t {shape = [6]} : i32[6]\n  %z = reverse %u : i32[6]", 6
    ),
    ("%y = unfold %i {axis = 0, size = 2, step = 3} : i32[2,2]\n  %z = cast %y {dtype = i64} : i64[2,2]", 4),
    ("%y = reshape %i {shape = [6,1]} : i32[6,1]\n  %z = broadcast %y {shape = [6,4]} : i32[6,4]", 6),
    ("%y = slice %i {start = [0], limit = [2]} : i32[2]\n  %z = concat %y, %y : i32[4]", 2),
    ("%a, %b = unstack %p : i32[3], i32[3]\n  %z = stack %b, %b : i32[2,3]", 3),
  ])
  func viewsAreFollowed(_ code: String, _ count: Int) throws {
    let type = Self.parts(at: code)
    let text = """
      func @f(%w: f32[4,2], %i: i32[6]) -> \(type) {
        %p = reshape %i {shape = [2,3]} : i32[2,3]
        \(code)
        %r = gather %w, %z : \(type)
        return %r
      }
      """
    var flagged = 0
    for place in 0..<6 {
      var numbers = [Int32](repeating: 1, count: 6)
      numbers[place] = 9
      let said = try message(text, [Self.rows(4), HostTensor(numbers)])
      #expect(said.map { $0.contains("the first at [\(place)] is 9") } ?? true, "\(said ?? "")")
      if said != nil { flagged += 1 }
    }
    #expect(flagged == count)
  }

  /// Each of these may put numbers in range, or not use them, so that 9 is nothing to refuse.
  @Test(arguments: [
    "%n = constant {value = 4} : i32[]\n  %m = broadcast %n {shape = [6]} : i32[6]\n  %z = remainder %i, %m : i32[6]",
    "%n = constant {value = 3} : i32[]\n  %m = broadcast %n {shape = [6]} : i32[6]\n  %z = minimum %i, %m : i32[6]",
    "%n = constant {value = 4} : i32[]\n  %m = broadcast %n {shape = [6]} : i32[6]\n  %c = less %i, %m : bool[6]\n"
      + "  %z = select %c, %i, %j : i32[6]",
    "%n = constant {value = 2} : i32[]\n  %m = broadcast %n {shape = [6]} : i32[6]\n  %c = greater %i, %m : bool[6]\n"
      + "  %z = select %c, %j, %i : i32[6]",
    "%n = constant {value = 9} : i32[]\n  %m = broadcast %n {shape = [6]} : i32[6]\n  %c = equal %i, %m : bool[6]\n"
      + "  %z = select %c, %j, %i : i32[6]",
    "%n = constant {value = 2} : i32[]\n  %m = broadcast %n {shape = [6]} : i32[6]\n  %c = greater %j, %m : bool[6]\n"
      + "  %z = select %c, %j, %i : i32[6]",
    "%y = sort %i : i32[6]\n  %z = slice %y {start = [0], limit = [1]} : i32[1]",
  ])
  func arithmeticIsNot(_ code: String) throws {
    let type = Self.parts(at: code)
    let text = """
      func @f(%w: f32[4,2], %i: i32[6], %j: i32[6]) -> \(type) {
        \(code)
        %r = gather %w, %z : \(type)
        return %r
      }
      """
    let (i, j) = (HostTensor([9, 1, 9, 2, 9, 3] as [Int32]), HostTensor([3, 0, 3, 0, 3, 0] as [Int32]))
    #expect(try message(text, [Self.rows(4), i, j]) == nil)
  }

  /// As in masking for pretraining: numbers out of range go through whenever random numbers say so.
  @Test func randomConditionsAreFollowed() throws {
    let text = try printModule(
      Model("m") { model in
        model.function("f") { f in
          let i = f.input("i", .i32, [6])
          let seed = f.input("seed", .i64, [])
          let isChosen = (uniform([6], seed: seed) .< 0.15) .& (i .>= 4)
          let masked = select(where: isChosen, i * 0 + 3, i)
          f.output("e", Sluice.gather(zeros([8, 2]), masked))
          f.output("t", oneHot(select(where: isChosen, i, i * 0 - 1), depth: 8))
        }
      }.trace())
    func said(_ numbers: [Int32]) throws -> String? {
      try message(text, [HostTensor(numbers), HostTensor(scalar: 0 as Int64)])
    }
    #expect(try said([7, 0, 3, 4, 7, 1]) == nil)
    #expect(try said([7, 0, 3, 8, 7, 1])?.contains("1 of 6 is out of range, the first at [3] is 8") == true)
  }

  @Test func bodiesThatSurelyRun() throws {
    let bodies = """
      body @one(%w: f32[4,2], %i: i32[]) -> f32[2], i32[] {
        %r = gather %w, %i : f32[2]
        return %r, %i
      }

      body @other(%w: f32[4,2], %i: i32[]) -> f32[2], i32[] {
        %r = constant {value = [0, 0]} : f32[2]
        return %r, %i
      }

      body @part(%i: i32[], %w: f32[4,2]) -> f32[2] {
        %r, %j = call @one, %w, %i : f32[2], i32[]
        return %r
      }

      """
    let call =
      bodies + """
        func @f(%w: f32[4,2], %i: i32[]) -> f32[2], f32[2] {
          %r, %j = call @one, %w, %i : f32[2], i32[]
          %s = gather %w, %j : f32[2]
          return %r, %s
        }
        """
    #expect(try message(call, [Self.rows(4), HostTensor(scalar: 3 as Int32)]) == nil)
    #expect(
      try message(call, [Self.rows(4), HostTensor(scalar: 4 as Int32)])
        == "the input `i` of `@f` has indices into 4 elements (`gather`, m.sluice:2), which are -4 to 3; 1 of 1 is "
        + "out of range, the first is 4")
    let scan =
      bodies + """
        func @f(%w: f32[4,2], %i: i32[T+1]) -> f32[T,2] where T <= 5 {
          %y = slice %i {start = [1], limit = [T+1]} : i32[T]
          %r = scan @part, %y, %w {sequences = 1} : f32[T,2]
          return %r
        }
        """
    #expect(try message(scan, [Self.rows(4), HostTensor([9, 3, -4] as [Int32])]) == nil)
    #expect(
      try message(scan, [Self.rows(4), HostTensor([0, 3, -5] as [Int32])])?.contains("at [2] is -5") == true)
    let cond =
      bodies + """
        func @f(%w: f32[4,2], %i: i32[], %c: bool[]) -> f32[2], i32[] {
          %r, %j = cond @one, @other, %c, %w, %i : f32[2], i32[]
          return %r, %j
        }
        """
    #expect(
      try message(cond, [Self.rows(4), HostTensor(scalar: 9 as Int32), HostTensor(scalar: false)]) == nil)
  }

  @Test func otherOps() throws {
    let text = """
      func @f(%x: f32[2,3], %i: i32[2,2], %j: i64[1], %u: f32[2,1], %d: i32[2]) -> f32[2,2], f32[2,3], f32[2,3], f32[2,4] {
        %a = take_along_axis %x, %i : f32[2,2]
        %b = scatter %x, %j, %u {axis = 1} : f32[2,3]
        %c = scatter_add %x, %j, %u {axis = -1} : f32[2,3]
        %e = one_hot %d {depth = 4} : f32[2,4]
        return %a, %b, %c, %e
      }
      """
    func run(_ i: [Int32], _ j: Int64, _ d: [Int32]) throws -> String? {
      try message(
        text,
        [
          HostTensor([Float](repeating: 1, count: 6), shape: [2, 3]), HostTensor(i, shape: [2, 2]),
          HostTensor([j]),
          HostTensor([5, 6] as [Float], shape: [2, 1]), HostTensor(d),
        ])
    }
    #expect(try run([0, 2, -3, -1], 2, [3, -7]) == nil)
    #expect(
      try run([0, 3, -3, -1], 2, [3, 0])?.contains("into 3 elements (`take_along_axis`, m.sluice:2)") == true)
    #expect(
      try run([0, 2, -3, -1], -4, [3, 0])?.contains("the input `j` of `@f` has indices into 3") == true)
    #expect(
      try run([0, 2, -3, -1], 0, [4, 0])?.contains("of which there are 4 (`one_hot`, m.sluice:5)") == true)
  }

  // MARK: Training

  private static let classifier = Model("m") { model in
    let net = Linear(2, 3)
    let optimizer = SGD(net, rate: 0.1)
    model.function("train_step") { f in
      let loss = crossEntropy(net(f.input("x", .f32, ["B <= 4", 2])), f.input("labels", .i32, ["B <= 4"]))
      optimizer.step(minimizing: loss)
      f.output("loss", loss)
    }
  }

  private func trainingMessage(_ model: Model, _ data: [String: HostTensor], checks: Bool = true) throws
    -> String?
  {
    var options = Trainer.Options()
    options.batch = 2
    options.checksIndices = checks
    do {
      var trainer = try Trainer(model.trace(), data: data, options: options, backend: .interpreter)
      try trainer.advance()
      return nil
    } catch let error as TrainingError {
      return error.description
    }
  }

  @Test func labelsThatBeginWithOne() throws {
    let x = HostTensor([Float](repeating: 1, count: 20), shape: [10, 2])
    func data(_ labels: [Int64]) -> [String: HostTensor] { ["x": x, "labels": HostTensor(labels)] }
    #expect(try trainingMessage(Self.classifier, data([0, 1, 2, -1, 0, 1, 2, -100, 0, 1])) == nil)
    let wrong = try #require(try trainingMessage(Self.classifier, data([1, 2, 3, 1, 2, 3, 1, 2, 3, 1])))
    #expect(
      wrong.hasPrefix(
        "the data `labels` has classes, of which there are 3 (`cross_entropy`, SluiceTests/Index"))
    #expect(
      wrong.hasSuffix("0 to 2, or less than 0 for none; 3 of 10 are out of range, the first at [2] is 3"))
    #expect(try trainingMessage(Self.classifier, data([1, 2, 3, 1, 2, 3, 1, 2, 3, 1]), checks: false) == nil)
    #expect(
      try trainingMessage(Self.classifier, data([Int64](repeating: -1, count: 10)))
        == "the data `labels` has classes, but all are less than 0, which is none: there is nothing to learn")
  }

  /// Only what a window can show at a place that is used: the first byte is never a target, the last no input.
  @Test func sequencesAreLookedAtByPlace() throws {
    let model = Model("m") { model in
      let table = model.parameter("table", [4, 4], .normal(1))
      model.function("train_step") { f in
        let tokens = f.input("tokens", .i32, ["B <= 4", Dim("T") + 1])
        let T = tokens.shape[1] - 1
        let logits = Sluice.gather(table.value, tokens[.all, ..<T])
        let loss = crossEntropy(logits, tokens[.all, 1...])
        table.value = table.value - 0.1 * gradient(of: loss, wrt: table.value)
        f.output("loss", loss)
      }
    }
    var numbers = [UInt8](repeating: 3, count: 2000)
    #expect(try trainingMessage(model, ["tokens": HostTensor(numbers)]) == nil)
    numbers[1999] = 4
    #expect(try trainingMessage(model, ["tokens": HostTensor(numbers)])?.contains("has classes") == true)
    numbers[1000] = 200
    #expect(
      try trainingMessage(model, ["tokens": HostTensor(numbers)])?.contains(
        "which are -4 to 3; 1 of 1999 is out of range, the first at [1000] is 200") == true)
  }
}
