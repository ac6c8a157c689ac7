import SluiceIR

/// NumPy's `.npy` files: one array with its dtype and shape.
///
/// Read are versions 1 to 3, as NumPy writes them with Python 2 and 3, the dtypes f2, f4, f8, i1 to i8, u1 to u8 and b1
/// in either byte order, in C and in Fortran order; all come out little-endian and in C order. Integers that the
/// language lacks become the next larger ones: i1, i2 and u2 are i32; u4 and u8 are i64. Written is what NumPy itself writes for such an array.
/// Source: `numpy.lib.format`.
public enum Npy {
  /// The array in the file at `path` (`-` is standard input).
  ///
  /// Throws `.notFound` or `.io` when the file cannot be read, `.malformed` when it is not a supported `.npy`
  /// file.
  public static func read(_ path: String) throws(FileError) -> HostTensor {
    try decode(FileIO.read(path), path: path)
  }

  /// Writes `tensor` to the file at `path` (`-` is standard output).
  ///
  /// Throws `.io`, and `.malformed` for bf16, which the format does not have.
  public static func write(_ tensor: HostTensor, to path: String) throws(FileError) {
    try FileIO.write(naming(path) { () throws(Malformed) in try encoded(tensor) }, to: path)
  }

  /// The array in the bytes of a `.npy` file; `path` is for messages.
  ///
  /// Throws `.malformed`.
  public static func decode(_ bytes: [UInt8], path: String) throws(FileError) -> HostTensor {
    try naming(path) { () throws(Malformed) in
      try tensor(ByteReader(bytes))
    }
  }

  /// The array in the bytes that `reader` is about to read, header and elements, which must be all of them.
  static func tensor(_ file: ByteReader) throws(Malformed) -> HostTensor {
    var reader = file
    let header = try NpyHeader(&reader)
    let byteCount = try checkedByteCount(header, following: reader.remaining)
    let data = try reader.take(byteCount, "the array")
    let elements = try header.stored.widened(ordered(header, Array(reader.bytes[data])))
    do throws(HostTensorError) {
      return try HostTensor(
        dtype: header.stored.dtype, shape: header.shape, bytes: elements)
    } catch {
      throw Malformed(error.description)
    }
  }

  /// The bytes of a `.npy` file that holds `tensor`, as NumPy writes it: data from a multiple of 64 bytes on.
  ///
  /// The format has no bf16: to ask for it is a programmer's mistake and stops the program; `write` throws.
  public static func encode(_ tensor: HostTensor) -> [UInt8] {
    do throws(Malformed) {
      return try encoded(tensor)
    } catch {
      preconditionFailure(error.message)
    }
  }

  /// The bytes of a `.npy` file that holds `tensor`; throws for bf16.
  static func encoded(_ tensor: HostTensor) throws(Malformed) -> [UInt8] {
    guard let descr = descr(tensor.dtype) else {
      throw Malformed(
        "the format has no \(tensor.dtype.name); cast to f32 (exact) or f16 first, or write a .safetensors file"
      )
    }
    let extents = tensor.shape.map(String.init).joined(separator: ", ")
    let tuple = tensor.rank == 1 ? "(\(extents),)" : "(\(extents))"
    var dictionary = "{'descr': '\(descr)', 'fortran_order': False, 'shape': \(tuple), }"
    // NumPy leaves room for the first extent to grow in place to 21 digits.
    if let first = tensor.shape.first {
      dictionary += String(repeating: " ", count: max(0, 21 - String(first).utf8.count))
    }
    // Version 1 counts the header in two bytes; only thousands of axes need version 2.
    var headerCount = paddedHeaderCount(dictionary, prefix: 10)
    let isWide = headerCount > Int(UInt16.max)
    if isWide { headerCount = paddedHeaderCount(dictionary, prefix: 12) }

    var out: [UInt8] = []
    out.reserveCapacity(12 + headerCount + tensor.bytes.count)
    out += NpyHeader.magic + [isWide ? 2 : 1, 0]
    out.appendLittleEndian(headerCount, count: isWide ? 4 : 2)
    out += dictionary.utf8
    out += repeatElement(0x20, count: headerCount - dictionary.utf8.count - 1)
    out.append(0x0a)
    return out + tensor.bytes
  }

  /// The length of the header with its newline, padded so that `prefix` bytes and the header fill blocks of
  /// 64.
  private static func paddedHeaderCount(_ dictionary: String, prefix: Int) -> Int {
    let count = dictionary.utf8.count + 1
    return count + 64 - (prefix + count) % 64
  }

  /// NumPy's name for the dtype; nil where it has none.
  private static func descr(_ dtype: DType) -> String? {
    switch dtype {
    case .f32: "<f4"
    case .f64: "<f8"
    case .i32: "<i4"
    case .i64: "<i8"
    case .u8: "|u1"
    case .bool: "|b1"
    case .f16: "<f2"
    case .bf16: nil
    }
  }

  /// How many bytes the elements of an array with this header take, which must be those that follow it.
  static func checkedByteCount(
    _ header: NpyHeader, following: Int
  ) throws(Malformed) -> Int {
    let (size, shape) = (header.stored.byteCount, header.shape)
    guard let count = HostTensor.elementCount(of: shape),
      HostTensor.elementCount(of: shape + [Swift.max(size, header.stored.dtype.byteCount)]) != nil
    else {
      throw Malformed("the size of the shape \(HostTensor.text(shape)) in the header overflows")
    }
    let byteCount = count * size
    guard following == byteCount else {
      let hint = following < byteCount ? "is the file truncated?" : "what follows the array?"
      throw Malformed(
        "header says \(count) elements of \(header.stored.name) (\(byteCount) bytes) but \(following) bytes follow; "
          + hint
      )
    }
    return byteCount
  }

  /// `data` in C order and little-endian.
  private static func ordered(_ header: NpyHeader, _ data: [UInt8]) -> [UInt8] {
    let isTransposed = header.isFortranOrder && header.shape.count > 1
    guard header.isBigEndian || isTransposed else { return data }
    switch header.stored.byteCount {
    case 2: return ordered(UInt16.self, header, isTransposed, data)
    case 4: return ordered(UInt32.self, header, isTransposed, data)
    case 8: return ordered(UInt64.self, header, isTransposed, data)
    default: return ordered(UInt8.self, header, isTransposed, data)
    }
  }

  private static func ordered<Word: FixedWidthInteger & BitwiseCopyable>(
    _: Word.Type, _ header: NpyHeader, _ isTransposed: Bool, _ data: [UInt8]
  ) -> [UInt8] {
    var words = elements(Word.self, of: data)
    if header.isBigEndian { words = words.map(\.byteSwapped) }
    return rawBytes(of: isTransposed ? rowMajor(words, header.shape) : words)
  }

  /// Elements with the first index running fastest, brought to the last index running fastest.
  private static func rowMajor<Word: BitwiseCopyable>(_ words: [Word], _ shape: [Int]) -> [Word] {
    guard let inner = shape.last, words.count > 1 else { return words }
    var strides: [Int] = []
    var stride = 1
    for extent in shape {
      strides.append(stride)
      stride *= extent
    }
    let innerStride = strides[shape.count - 1]
    var out: [Word] = []
    out.reserveCapacity(words.count)
    // The index of the current row, and the place of its first element in `words`.
    var index = [Int](repeating: 0, count: shape.count - 1)
    var start = 0
    while true {
      for column in 0..<inner { out.append(words[start + column * innerStride]) }
      var axis = index.count - 1
      while axis >= 0 {
        index[axis] += 1
        start += strides[axis]
        if index[axis] < shape[axis] { break }
        start -= strides[axis] * shape[axis]
        index[axis] = 0
        axis -= 1
      }
      if axis < 0 { return out }
    }
  }
}
