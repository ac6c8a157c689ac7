/// The reference data of `Tests/Data/ops`, made by `Tools/oracle/ops_reference.py`: inputs and outputs, case by case.

import SluiceFormats
import SluiceIR
import SluiceReference
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// One case: an op with attributes, inputs, and the output that it must give.
struct NumpyCase {
  var op: Op
  /// `f32_random__axes_0_2`.
  var name: String
  var inputs: [HostTensor]
  var output: HostTensor

  /// The folder `Tests/Data`.
  static let data: String = {
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    return parts.dropLast(2).joined(separator: "/") + "/Data"
  }()

  /// The cases of an op; none where there is no folder of its name.
  static func all(of op: Op) throws -> [NumpyCase] {
    let folder = "\(data)/ops/\(op.definition.name)"
    let names = Set(files(in: folder).map { String($0.prefix(while: { $0 != "." })) })
    return try names.sorted().map { name in
      var inputs: [HostTensor] = []
      while FileIO.exists("\(folder)/\(name).in\(inputs.count).npy") {
        let input = try Npy.read("\(folder)/\(name).in\(inputs.count).npy")
        // In the data -0 and 0 are the same to `argsort`; here -0 comes first.
        inputs.append(op == .argsort ? withoutNegativeZeros(input) : input)
      }
      return NumpyCase(op: op, name: name, inputs: inputs, output: try Npy.read("\(folder)/\(name).out0.npy"))
    }
  }

  private static func withoutNegativeZeros(_ tensor: HostTensor) -> HostTensor {
    let given = tensor.referenceTensor
    guard case .floats(let values) = given.elements else { return tensor }
    return ReferenceTensor(given.dtype, given.shape, floats: values.map { $0 == 0 ? 0 : $0 }).hostTensor
  }

  /// The `.npy` files of a folder.
  static func files(in folder: String) -> [String] {
    guard let directory = unsafe opendir(folder) else { return [] }
    defer { unsafe _ = closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix(while: { $0 != 0 }), as: UTF8.self)
      }
      if name.hasSuffix(".npy") { names.append(name) }
    }
    return names
  }

  /// The attributes that the name states: `f32_random__axes_0_2` has `axes = [0, 2]`.
  private var attributes: [(key: String, values: [Int64])] {
    var found: [(key: String, values: [Int64])] = []
    var parts = name.split(separator: "_", omittingEmptySubsequences: false)[...]
    while let at = parts.firstIndex(of: "") {
      let key = parts[at + 1]
      parts = parts[(at + 2)...]
      found.append((String(key), parts.prefix(while: { !$0.isEmpty }).compactMap { Int64($0) }))
    }
    return found
  }

  /// A module whose function `@f` is the op.
  func module() throws -> Module {
    var builder = ModuleBuilder(name: "case", simplifies: false)
    builder.begin(.function, "f")
    let operands = inputs.map { input in
      let shape = input.shape.map { builder.tables.dims.integer($0) }
      return builder.input(builder.tables.types.intern(input.dtype, shape), name: .none)
    }
    var given: [Attribute] = []
    for (key, values) in attributes {
      let name = try #require(AttributeName(text: ["stop": "limit", "stride": "strides"][key] ?? key))
      switch op.definition.attribute(name)?.kind {
      case .int?: given.append(Attribute(name, .int(values[0])))
      case .ints?: given.append(Attribute(name, .ints(values)))
      case .dims?: given.append(Attribute(name, .dims(values.map { builder.tables.dims.integer($0) })))
      default: Issue.record("`\(key)` of \(self.name) is no attribute of `\(op.definition.name)`")
      }
    }
    let result = try builder.emit(op, operands, given)
    try builder.end(results: [result])
    return builder.finish()
  }

  /// Whether the op takes operands of these dtypes; the data has more (remainders of floats).
  var fits: Bool { zip(inputs, op.definition.operands).allSatisfy { $1.dtypes.contains($0.dtype) } }

  /// How far from the expected number the result may be, in units in its last place; for numbers below `scale`,
  /// in units in the last place of that.
  func bound(isSingle: Bool) -> (bound: Double, scale: Double) {
    let isFloat = inputs.first?.dtype.isFloat ?? false
    switch op.definition.family {
    case .map where [.exp, .expm1, .log, .log1p, .tanh, .sigmoid, .softplus, .sin, .cos].contains(op):
      // The C library is nearly exact in f64, so that f32 is the truth rounded once, or its neighbour.
      return (isSingle ? 1 : 4, 0)
    case .reduce(.fold(.sum)) where isFloat, .reduce(.fold(.product)) where isFloat, .contract where isFloat:
      return (isSingle ? 1 : 64, 0)
    case .linalg, .expand:
      // Rounded after every step: near 0 it counts what has cancelled.
      return (64, 1)
    default: return (0, 0)
    }
  }
}
