public import SluiceIR

/// Something worth knowing about how a model runs: what was decided, why, and where.
///
/// A remark is made of handles and a text, and becomes what people read only when somebody asks.
public struct Remark: Sendable, Hashable {
  /// What a remark is about; `--remarks=fuse,copy` asks for kinds.
  public enum Kind: String, CaseIterable, Sendable {
    /// What a pass rewrote.
    case pass
    /// What shares a kernel and what does not.
    case fuse
    /// The arena of a function, and what is alive where it is fullest.
    case memory
    /// A value that is copied to its place rather than made there.
    case copy
    /// What private memory holds in another order than memory has it.
    case layout
    /// What is not computed because a mask leaves it out.
    case mask
    /// A value that is computed again rather than kept.
    case recompute
    /// Which loops of a kernel threads share.
    case divide
  }

  /// What was decided, and why: lower case, without a full stop.
  public var message: String
  /// The node it is about: its line and its scope.
  public var location: LocationID
  /// The name of the function; none for what all of them share.
  public var function: StringID
  /// The kernel; none where it is about no single one.
  public var kernel: KernelID
  /// What it is about; the last column, so that a remark is 32 bytes.
  public var kind: Kind

  /// A remark.
  public init(
    _ kind: Kind, _ message: String, at location: LocationID = .none, function: StringID = .none,
    kernel: KernelID = .none
  ) {
    self.kind = kind
    self.message = message
    self.location = location
    self.function = function
    self.kernel = kernel
  }
}

extension ModulePlan {
  /// The name of a kernel in dumps: `k3_sigmoid`; `k?` where the handle names none.
  public func kernelName(_ kernel: KernelID) -> String {
    kernels.indices.contains(kernel.index) ? "k\(kernel.raw)_\(kernels[kernel.index].name)" : "k?"
  }

  /// A remark as a line: place, message, and in brackets its kind, function, kernel and scope.
  public func text(_ remark: Remark) -> String {
    var words = [remark.kind.rawValue]
    if !remark.function.isNone { words.append("@\(tables.strings[remark.function])") }
    if !remark.kernel.isNone { words.append(kernelName(remark.kernel)) }
    let scope = tables.scope(remark.location)
    if !scope.isEmpty { words.append(scope) }
    let message = "\(remark.message) [\(words.joined(separator: ", "))]"
    return Diagnostic(.remark, message, at: tables.place(remark.location)).description
  }
}
