import Sluice
import SluiceFormats
import Testing

import enum TestSupport.Repository

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What PyTorch computed for a small model: first parameters, batches, losses, and the parameters after them.
struct TrainingReference {
  private let archive: Result<TensorArchive, any Error>

  init(_ name: String) {
    archive = Result { try TensorArchive.read("\(Repository.root)/Tests/Data/\(name).npz") }
  }

  func tensor(_ name: String) throws -> HostTensor { try #require(try archive.get().tensor(name)) }

  /// The names of parameters that are there for a variant, such as `first` or `sgd`.
  func parameters(_ variant: String) throws -> [String] {
    let prefix = "\(variant)."
    return try archive.get().names.filter { $0.hasPrefix(prefix) && $0 != "\(prefix)losses" }
      .map { String($0.dropFirst(prefix.count)) }
  }

  /// Gives a session the first parameters, those that it has in the same shape.
  func load(into session: inout Session) throws {
    let known = Set(session.stateNames)
    for name in try parameters("first") where known.contains(name) {
      let value = try tensor("first.\(name)")
      if try session.state(name).shape == value.shape { try session.setState(name, value) }
    }
  }

  /// The losses of a variant, to 1e-5 of each.
  func expect(_ losses: [Float], _ variant: String) throws {
    let wanted = try tensor("\(variant).losses").floats()
    #expect(losses.count == wanted.count)
    for (seen, wanted) in zip(losses, wanted) {
      #expect(abs(seen - wanted) <= 1e-5 * abs(wanted), "\(seen), not \(wanted)")
    }
  }

  /// The parameters of a variant, to 1e-5 of the largest element of each.
  func expect(_ session: Session, _ variant: String, except left: (String) -> Bool = { _ in false })
    throws
  {
    for name in try parameters(variant) where !left(name) {
      let error = distance(try session.state(name), try tensor("\(variant).\(name)"))
      #expect(error <= 1e-5, "`\(name)`")
    }
  }
}

/// One of the tensors that are stacked along the first axis.
func part(_ tensor: HostTensor, _ index: Int) throws -> HostTensor {
  let shape = Array(tensor.shape.dropFirst())
  let size = tensor.bytes.count / max(tensor.shape[0], 1)
  return try HostTensor(
    dtype: tensor.dtype, shape: shape, bytes: Array(tensor.bytes[(index * size)..<((index + 1) * size)]))
}

/// Columns of a matrix of i32.
func columns(_ matrix: HostTensor, _ range: Range<Int>) -> HostTensor {
  let values = matrix.int32s()
  let width = matrix.shape[1]
  let rows = (0..<matrix.shape[0]).flatMap { row in range.map { values[row * width + $0] } }
  return HostTensor(rows, shape: [matrix.shape[0], range.count])
}

/// e^x.
func exponential(_ x: Float) -> Float { Float(exp(Double(x))) }
