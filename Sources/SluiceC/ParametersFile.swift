public import SluiceIR
public import SluicePlan

/// The order of the bytes of a number in a file.
public enum ByteOrder: String, CaseIterable, Sendable {
  /// The lowest byte first: x86, ARM, RISC-V.
  case little
  /// The highest byte first: s390x, some PowerPC and MIPS.
  case big

  /// A block of variables with its elements in this order, from one in little-endian order.
  public func arranged(_ block: [UInt8], _ variables: [ModulePlan.Variable], _ tables: Tables) -> [UInt8] {
    guard self == .big else { return block }
    var block = block
    for variable in variables {
      let size = tables.types.dtype(variable.type).byteCount
      if size == 1 { continue }
      for start in stride(from: variable.offset, to: variable.offset + variable.byteCount, by: size) {
        block[start..<start + size].reverse()
      }
    }
    return block
  }
}

/// The parameters file of a compiled model: a header of 64 bytes, then the block of parameters as the plan lays it
/// out, so that it can be mapped and used in place.
///
/// Numbers and elements are in the byte order of the processor that will read them, little-endian unless told. Bytes 0 ..< 8 are `SLUICEP1`; then come 0x01020304 (4 bytes), the ABI version (4),
/// the hash of the layout (8), the size of the block (8), its checksum (8) and zeros.
public enum ParametersFile {
  /// Why bytes are not the parameters file of a plan.
  public enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file does not begin like a parameters file.
    case notParameters
    /// The numbers are in another byte order.
    case byteOrder
    /// The file has another ABI version.
    case version(found: UInt32, expected: UInt32)
    /// The parameters have other names, types or places.
    case layout
    /// The file has another size than its header or the plan says.
    case size(found: Int, expected: Int)
    /// The bytes have changed since the file was written.
    case checksum
    /// Bytes of the header that must be 0 are not.
    case reserved

    /// The message: lower case, no full stop.
    public var description: String {
      switch self {
      case .notParameters: "this is no parameters file: it does not begin with `SLUICEP1`"
      case .byteOrder: "the parameters file is in another byte order"
      case .version(let found, let expected):
        "the parameters file has version \(found), \(expected) is expected"
      case .layout: "the parameters file is of a model with other parameters"
      case .size(let found, let expected): "the parameters file has \(found) bytes, \(expected) are expected"
      case .checksum: "the parameters file is damaged: its checksum is wrong"
      case .reserved: "the parameters file has a header of a kind that is not known"
      }
    }
  }

  private static let magic = Array("SLUICEP1".utf8)
  private static let byteOrderMark: UInt64 = 0x0102_0304
  private static let headerBytes = 64

  /// The file with these parameters, a block of `plan.parameterBytes` bytes in little-endian order, for processors of
  /// a byte order.
  public static func encode(_ block: [UInt8], of plan: ModulePlan, byteOrder: ByteOrder = .little) -> [UInt8]
  {
    precondition(block.count == plan.parameterBytes, "the parameters have another size than the plan says")
    let block = byteOrder.arranged(block, plan.parameters, plan.tables)
    var file = magic
    append(byteOrderMark, 4, byteOrder, &file)
    append(UInt64(CSource.abiVersion), 4, byteOrder, &file)
    append(PlanHash.parameterLayout(plan), 8, byteOrder, &file)
    append(UInt64(block.count), 8, byteOrder, &file)
    append(checksum(block, byteOrder), 8, byteOrder, &file)
    file += [UInt8](repeating: 0, count: headerBytes - file.count)
    return file + block
  }

  /// The block of parameters in a file; throws unless every byte of the header is as it must be for the plan.
  public static func decode(_ file: [UInt8], of plan: ModulePlan) throws(Failure) -> [UInt8] {
    guard file.starts(with: magic) else { throw .notParameters }
    guard file.count >= headerBytes else {
      throw .size(found: file.count, expected: headerBytes + plan.parameterBytes)
    }
    let mark = number(file, 8, 4)
    guard mark == byteOrderMark else { throw mark == 0x0403_0201 ? .byteOrder : .notParameters }
    let version = UInt32(truncatingIfNeeded: number(file, 12, 4))
    guard version == CSource.abiVersion else {
      throw .version(found: version, expected: UInt32(CSource.abiVersion))
    }
    guard number(file, 16, 8) == PlanHash.parameterLayout(plan) else { throw .layout }
    guard number(file, 24, 8) == UInt64(plan.parameterBytes), file.count == headerBytes + plan.parameterBytes
    else {
      throw .size(found: file.count, expected: headerBytes + plan.parameterBytes)
    }
    guard file[40..<headerBytes].allSatisfy({ $0 == 0 }) else { throw .reserved }
    let block = Array(file[headerBytes...])
    guard number(file, 32, 8) == checksum(block, .little) else { throw .checksum }
    return block
  }

  /// The checksum of a block: its 64-bit words, mixed one after the other.
  private static func checksum(_ block: [UInt8], _ order: ByteOrder) -> UInt64 {
    var sum: UInt64 = 0x6A09_E667_F3BC_C908
    for at in stride(from: 0, to: block.count, by: 8) {
      let word = number(block, at, 8)
      sum = (sum ^ (order == .little ? word : word.byteSwapped)) &* 0x9E37_79B9_7F4A_7C15
      sum ^= sum >> 32
    }
    return sum
  }

  private static func append(_ value: UInt64, _ count: Int, _ order: ByteOrder, _ file: inout [UInt8]) {
    for byte in 0..<count {
      let shift = 8 * (order == .little ? byte : count - 1 - byte)
      file.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
    }
  }

  private static func number(_ file: [UInt8], _ start: Int, _ count: Int) -> UInt64 {
    var value: UInt64 = 0
    for byte in 0..<count { value |= UInt64(file[start + byte]) << UInt64(8 * byte) }
    return value
  }
}
