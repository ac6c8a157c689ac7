import Sluice
import SluiceIR
import SluiceText
import Testing

/// Random models, most of them wrong: nothing stops the program, mistakes have places, and what has none is sound.
@Suite struct RandomModelTests {
  /// A small generator of numbers: xorshift, the same on every machine.
  struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }
  }

  /// Writes one function by chance.
  final class Author {
    var random: Generator
    var pool: [Tensor] = []
    let states: [State]
    init(_ random: Generator, _ states: [State]) {
      self.random = random
      self.states = states
    }

    func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    /// True once in so many times.
    func rarely(_ times: Int) -> Bool { number(1...times) == 1 }
    func axis(_ x: Tensor) -> Int {
      rarely(12) || x.rank == 0 ? number(-3...3) : number(-x.rank...(x.rank - 1))
    }
    func axes(_ x: Tensor) -> [Int]? { number(0...2) == 0 ? nil : (0..<number(0...1)).map { _ in axis(x) } }
    func dtype() -> DType { rarely(12) ? DType.allCases[number(0...5)] : .f32 }
    func tensor() -> Tensor { pool.isEmpty || rarely(3) ? ones([2, 3]) : pool[number(0...pool.count - 1)] }
    func dim() -> Dim {
      switch number(0...99) {
      case 0...9: "B <= 8"
      case 10...19: Dim("T", max: 16) * number(0...2)
      case 20: tensor().shape[number(-2...2)]
      case 21: Dim("B", max: 8) / number(-1...2)
      case 22...24: Dim(number(-2...5))
      default: [1, 2, 3][number(0...2)]
      }
    }
    func shape() -> Shape { Shape((0..<number(0...3)).map { _ in dim() }) }
    func index() -> any AxisIndexing {
      switch number(0...5) {
      case 0: .all
      case 1: number(-3...3)
      case 2: number(0...3)...
      case 3: ..<number(-2...3)
      case 4: dim()
      default: .every(number(-1...2), from: dim(), to: number(0...1) == 0 ? nil : dim())
      }
    }

    /// A tensor made of those of the pool.
    func make(_ depth: Int) -> Tensor {
      let (x, y, z) = (tensor(), tensor(), tensor())
      switch number(0...37) {
      case 0: return zeros(shape(), dtype())
      case 1:
        return constant(
          (0..<number(0...4)).map { Double($0) / 2 }, shape: number(0...1) == 0 ? nil : shape(), dtype())
      case 2: return iota(shape(), axis: number(-2...1), dtype())
      case 3: return eye(dim(), dim())
      case 4: return size(of: dim(), dtype())
      case 5: return minimum(x, y)
      case 6: return clamp(x, -1, 1)
      case 7: return fma(x, y, z)
      case 8: return select(where: x, y, z)
      case 9: return exp(x)
      case 10: return x.matmul(y)
      case 11: return rarely(4) ? x.transposed(axis(x), axis(x)) : x.reversed()
      case 12: return rarely(3) ? x.reshaped(shape()) : x.reshaped([-1])
      case 13: return x.broadcast(to: rarely(3) ? shape() : [2] + x.shape)
      case 14: return x.expanded(axis(x))
      case 15: return x.squeezed(axis(x))
      case 16: return x.sum(axes: axes(x), keepDims: number(0...1) == 0)
      case 17: return x.argmax(axis: axis(x))
      case 18: return x.cast(dtype())
      case 19: return x[index()]
      case 20: return x[index(), index()]
      case 21: return concat([x, y], axis: axis(x))
      case 22: return stack((0..<number(0...2)).map { _ in tensor() }, axis: axis(x))
      case 23: return gather(x, y, axis: axis(x))
      case 24: return pad(x, low: shape(), high: shape(), value: 0.5)
      case 25: return argsort(x, axis: axis(x))
      case 26: return inverse(x)
      case 27: return solve(x, y)
      case 28: return softmax(x, axis: axis(x))
      case 29: return uniform(shape(), seed: x)
      case 30: return permutation(dim(), seed: x, stream: y)
      case 31: return x.reversed(axes: axes(x))
      case 32: return outer(x, y)
      case 33: return x.shape.elementCount.value.map { ones([Dim($0)]) } ?? x
      case 34, 35: return depth < 3 ? loop(depth + 1) : x
      default: return states[number(0...states.count - 1)].value
      }
    }

    func loop(_ depth: Int) -> Tensor {
      let kept = pool
      let carries = (0..<number(0...2)).map { _ in tensor() }
      let all = scan(
        over: (0..<number(0...2)).map { _ in tensor() }, from: carries,
        length: number(0...2) == 0 ? dim() : nil,
        reverse: number(0...1) == 0
      ) { carries, parts in
        pool += carries + parts
        for _ in 0..<number(0...2) { pool.append(make(depth)) }
        let outputs = (0..<number(0...1)).map { _ in tensor() }
        return (rarely(8) ? parts : carries, outputs)
      }
      // At times a tensor of the body is kept, which is a mistake when it is used.
      pool = rarely(12) ? pool : kept
      return all.carries.first ?? all.outputs.first ?? tensor()
    }

    func write(_ f: FunctionBuilder) {
      for position in 0..<number(0...2) { pool.append(f.input("x\(position)", dtype(), shape())) }
      for position in 0..<number(1...4) {
        pool.append(make(0))
        if rarely(40) { states[number(0...states.count - 1)].value = tensor() }
        if rarely(10) { pool.append(f.input("late\(position)", dtype(), shape())) }
      }
      for position in 0..<number(1...2) { f.output("y\(position)", tensor()) }
    }
  }

  @Test func nothingTraps() throws {
    var soundCount = 0
    for seed in 1...150 {
      let model = Model("random") { model in
        let states = [model.state("a", [2, 3]), model.state("b", [])]
        for name in ["f", "g"] {
          let offset: UInt64 = name == "f" ? 0 : 1
          model.function(name) { f in
            Author(Generator(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ offset), states).write(f)
          }
        }
      }
      do throws(Diagnostics) {
        let module = try model.trace()
        soundCount += 1
        #expect(verify(module).isEmpty, "seed \(seed)")
        let text = printModule(module)
        let again = try parseModule(text, file: "m.sluice")
        #expect(printModule(again) == text, "seed \(seed)")
      } catch {
        #expect(
          error.all.allSatisfy { $0.place?.file == "SluiceTests/RandomModelTests.swift" },
          "seed \(seed): \(error)")
      }
    }
    #expect(soundCount > 10)
  }
}
