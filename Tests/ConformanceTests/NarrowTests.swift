/// f16 and bf16: every cast in every backend against exact arithmetic, and what may be done with them.

import SluiceFormats
import SluiceIR
import SluiceReference
import SluiceText
import TestSupport
import Testing

struct NarrowTests {
  static let count = 65536

  /// The numbers of Steele, Lea and Flood 2014.
  struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }

  /// The bits of the operands of a dtype, made as in Tools/oracle/narrow_reference.py.
  static func words(_ dtype: DType) -> [UInt64] {
    let position = [DType.f32, .f64, .i32, .i64, .u8, .bool, .f16, .bf16].firstIndex(of: dtype) ?? 0
    var random = SplitMix(state: UInt64(position))
    return (0..<count).map { i in
      switch dtype {
      case .f16, .bf16: return UInt64(i)
      case .u8: return UInt64(i & 255)
      case .bool: return UInt64(i & 1)
      case .i32: return integer(i, random.next(), random.next(), width: 32)
      case .i64: return integer(i, random.next(), random.next(), width: 64)
      case .f32: return float(i, random.next(), random.next(), exponent: 8, fraction: 23)
      case .f64: return float(i, random.next(), random.next(), exponent: 11, fraction: 52)
      }
    }
  }

  private static func integer(_ i: Int, _ a: UInt64, _ b: UInt64, width: UInt64) -> UInt64 {
    let mask = UInt64.max >> (64 - width)
    var number = a & mask
    if i % 4 == 1 { number >>= b % width }
    if i % 4 > 1 {
      let top = b % (width - 1)
      // 12 bits of `a` below the leading one; `top` may be less than 12.
      let below = a & 0xFFF
      number = 1 << top | (top >= 12 ? below << (top - 12) : below >> (12 - top))
      let cut = (b >> 8) % 12 + 1
      if top >= cut { number = ((number >> cut) << cut | 1 << (cut - 1)) &+ (b >> 16) % 3 &- 1 }
      if b >> 32 & 1 == 1 { number = 0 &- number }
    }
    return number & mask
  }

  private static func float(
    _ i: Int, _ a: UInt64, _ b: UInt64, exponent: UInt64, fraction: UInt64
  ) -> UInt64 {
    let width = 1 + exponent + fraction
    let mask = UInt64.max >> (64 - width)
    var bits = a >> (64 - width)
    if i % 4 > 0 {
      let bias: Int64 = 1 << (Int64(exponent) - 1) - 1
      let (low, high): (Int64, Int64) = i % 4 == 1 ? (-27, 18) : i % 4 == 2 ? (-26, 17) : (-136, 130)
      let given = bias + low + Int64(b & 0xFFFF) % (high - low)
      let clipped = UInt64(min(max(given, 0), 2 * bias))
      bits = bits & (1 << (width - 1) | (1 << fraction) - 1) | clipped << fraction
    }
    if i % 4 > 1 {
      let cut = fraction - (b >> 16) % 12
      bits = ((bits >> cut) << cut | 1 << (cut - 1)) &+ (b >> 32) % 3 &- 1
    }
    return bits & mask
  }

  static func tensor(_ dtype: DType, _ words: [UInt64]) throws -> HostTensor {
    let size = dtype.byteCount
    let bytes = words.flatMap { word in (0..<size).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) } }
    return try HostTensor(dtype: dtype, shape: [words.count], bytes: bytes)
  }

  /// FNV-1a over the bits of the elements.
  static func checksum(_ tensor: HostTensor) -> UInt64 {
    let size = tensor.dtype.byteCount
    var total: UInt64 = 0xCBF2_9CE4_8422_2325
    for start in stride(from: 0, to: tensor.bytes.count, by: size) {
      var word: UInt64 = 0
      for byte in 0..<size { word |= UInt64(tensor.bytes[start + byte]) << UInt64(8 * byte) }
      total = (total ^ word) &* 0x100_0000_01B3
    }
    return total
  }

  /// A function with a cast of `source` to every dtype that makes one of f16 or bf16.
  static func targets(_ source: DType) -> [DType] {
    DType.allCases.filter { $0 != source && ($0.isNarrow || source.isNarrow) }
  }

  /// All casts, from every word of f16 and bf16 and from numbers beside ties: evaluator, interpreter and C at two
  /// levels give the bits of exact arithmetic.
  @Test func everyCastIsRoundedOnce() throws {
    var text = ""
    for source in DType.allCases {
      let targets = Self.targets(source)
      text += "func @\(source.name)(%x: \(source.name)[\(Self.count)]) -> "
      text += targets.map { "\($0.name)[\(Self.count)]" }.joined(separator: ", ") + " {\n"
      for target in targets {
        text += "  %\(target.name) = cast %x {dtype = \(target.name)} : \(target.name)[\(Self.count)]\n"
      }
      text += "  return \(targets.map { "%\($0.name)" }.joined(separator: ", "))\n}\n"
    }
    let subject = try Subject(text, file: "narrow.sluice")
    var others: [(String, any Backend)] = []
    for level in ["-O0", "-O3"] {
      if let c = try CBackend(subject, subject.plan(), optimisation: [level]) {
        others.append(("C \(level)", c))
      }
    }
    var agreement = try Agreement(subject, variants: [Variant(fuses: true)], others: others)
    let reference = Reference(subject.module)
    for source in DType.allCases {
      let inputs = [try Self.tensor(source, Self.words(source))]
      let results = try reference.run(function: source.name, inputs: inputs).results.map(
        \.hostTensor.canonical)
      for (target, result) in zip(Self.targets(source), results) {
        let wanted = Self.checksums["\(source.name)_\(target.name)"]
        #expect(Self.checksum(result) == wanted, "the evaluator, \(source.name) to \(target.name)")
      }
      let failures = agreement.failures(source.name, inputs, expected: results)
      #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
    }
  }

  /// Values print as texts that read back to the same bits: every 11th, all with `SLUICE_EXHAUSTIVE=1`.
  @Test(arguments: [DType.f16, .bf16])
  func everyWordIsReadBack(_ dtype: DType) throws {
    let words = stride(from: 0, to: UInt64(Self.count), by: Repository.isExhaustive ? 1 : 11).map { $0 }
    let digits = words.map {
      "0x" + String(repeating: "0", count: 4 - String($0, radix: 16).count) + String($0, radix: 16)
    }
    let text = """
      func @f() -> \(dtype.name)[\(words.count)] {
        %c = constant {value = [\(digits.joined(separator: ", "))]} : \(dtype.name)[\(words.count)]
        return %c
      }

      """
    let module = try parseModule(text, file: "a")
    let printed = printModule(module)
    let again = try parseModule(printed, file: "b")
    #expect(printModule(again) == printed)
    #expect(module.tables.constants.bytes == again.tables.constants.bytes)
  }

  /// What is only moved keeps its bits, those of NaNs too: all words through views, joins, choices and places.
  @Test(arguments: [DType.f16, .bf16])
  func movedWordsKeepTheirBits(_ dtype: DType) throws {
    let type = { (shape: String) in "\(dtype.name)[\(shape)]" }
    let text = """
      body @same(%x: \(type("256,256"))) -> \(type("256,256")) {
        return %x
      }

      func @f(%x: \(type("256,256"))) -> \(type("256,256")), \(type("512,256")), \(type("256,256")), \(type("256,256")) {
        %t = transpose %x {order = [1,0]} : \(type("256,256"))
        %r = reverse %t {axes = [0]} : \(type("256,256"))
        %s = call @same, %r : \(type("256,256"))
        %c = concat %x, %t {axis = 0} : \(type("512,256"))
        %i = iota {shape = [256], axis = 0, dtype = i32} : i32[256]
        %n = negate %i : i32[256]
        %g = gather %x, %n {axis = 0} : \(type("256,256"))
        %w = scatter %x, %i, %t {axis = 0} : \(type("256,256"))
        return %s, %c, %g, %w
      }

      """
    let subject = try Subject(text, file: "moved.sluice")
    let input = HostTensor(words: (0...65535).map { UInt16($0) }, of: dtype, shape: [256, 256])
    var reference = ReferenceBackend(subject)
    let wanted = try reference.run("f", [input])
    // The first result, computed here.
    let turned = HostTensor(
      words: (0...65535).map { UInt16(($0 & 255) << 8 | (255 - $0 >> 8)) }, of: dtype, shape: [256, 256])
    #expect(wanted[0].difference(from: turned) == nil)
    var agreement = try Agreement(subject)
    let failures = agreement.failures("f", [input], expected: wanted)
    #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
  }
}
