import SluiceFormats
import SluiceIR
import Testing

/// The same numbers as another dtype: exactly, or not at all.
@Suite struct ConversionTests {
  @Test func keepsEveryNumber() throws {
    let doubles = HostTensor([0.5, -0.0, .infinity, 0x1p-149, 3.4028234663852886e38], shape: [5])
    #expect(
      try doubles.converted(to: .f32)
        == HostTensor([0.5, -0.0, .infinity, 0x1p-149, .greatestFiniteMagnitude] as [Float])
    )
    #expect(try HostTensor([Double.nan]).converted(to: .f32).floats()[0].isNaN)
    let integers = HostTensor([-1, 0, 255, 1 << 24] as [Int64], shape: [2, 2])
    #expect(try integers.converted(to: .i32) == HostTensor([-1, 0, 255, 1 << 24] as [Int32], shape: [2, 2]))
    #expect(try integers.converted(to: .f32) == HostTensor([-1, 0, 255, 0x1p24] as [Float], shape: [2, 2]))
    #expect(try HostTensor([3.0, -0.0] as [Float]).converted(to: .u8) == HostTensor([3, 0] as [UInt8]))
    #expect(try HostTensor([0, 1] as [UInt8]).converted(to: .bool) == HostTensor([false, true]))
    #expect(try HostTensor([true]).converted(to: .f64) == HostTensor([1.0]))
    #expect(try HostTensor([65504.0]).converted(to: .f16).words() == [0x7bff])
  }

  @Test(
    arguments: [
      (HostTensor([[1, 0.1]].flatMap { $0 }, shape: [1, 2]), .f32, "its element [0,1], 0.1, is no f32"),
      (HostTensor([1e39]), .f32, "its element [0], 1e+39, is no f32"),
      (HostTensor([0x1p-150]), .f32, "is no f32"),
      (HostTensor(scalar: Int64(1) << 31), .i32, "its element [], 2147483648, is no i32"),
      (HostTensor([(1 << 24) + 1] as [Int32]), .f32, "16777217, is no f32"),
      (HostTensor([(1 << 53) + 1] as [Int64]), .f64, "9007199254740993, is no f64"),
      (HostTensor([1.5] as [Float]), .i64, "1.5, is no i64"),
      (HostTensor([Float.nan]), .i32, "nan, is no i32"),
      (HostTensor([9.3e18]), .i64, "is no i64"), (HostTensor([-1] as [Int32]), .u8, "-1, is no u8"),
      (HostTensor([2] as [UInt8]), .bool, "2, is no bool"),
      (HostTensor([65505.0]), .f16, "65505.0, is no f16"),
      (HostTensor([257] as [Int32]), .bf16, "257, is no bf16"),
    ] as [(HostTensor, DType, String)])
  func refusesOthers(_ tensor: HostTensor, _ dtype: DType, _ message: String) {
    #expect {
      try tensor.converted(to: dtype)
    } throws: { error in
      ((error as? HostTensorError)?.description ?? "").contains(message)
    }
  }
}
