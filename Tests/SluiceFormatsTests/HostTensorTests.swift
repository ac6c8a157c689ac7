import SluiceFormats
import SluiceIR
import Testing

/// The host-side array: its checks, its values and its text.
@Suite struct HostTensorTests {
  @Test func keepsEveryElementTypeExactly() {
    let floats: [Float] = [0, -0.0, 1.5, .infinity, .leastNonzeroMagnitude]
    #expect(HostTensor(floats).floats().map(\.bitPattern) == floats.map(\.bitPattern))
    #expect(HostTensor([0.1, -2] as [Double]).doubles() == [0.1, -2])
    #expect(HostTensor([Int32.min, 7]).int32s() == [.min, 7])
    #expect(HostTensor([Int64.min, 7]).int64s() == [.min, 7])
    #expect(HostTensor([0, 255] as [UInt8]).uint8s() == [0, 255])
    #expect(HostTensor([true, false]).bools() == [true, false])
    #expect(HostTensor([1, 2] as [Int32]).bytes == [1, 0, 0, 0, 2, 0, 0, 0])
  }

  @Test func convertsToDoubles() {
    #expect(HostTensor([1.5, -2] as [Float]).asDoubles() == [1.5, -2])
    #expect(HostTensor([1.5, -2] as [Double]).asDoubles() == [1.5, -2])
    #expect(HostTensor([Int32.min]).asDoubles() == [-2_147_483_648])
    #expect(HostTensor([Int64.max]).asDoubles() == [9_223_372_036_854_775_808])
    #expect(HostTensor([3, 255] as [UInt8]).asDoubles() == [3, 255])
    #expect(HostTensor([true, false]).asDoubles() == [1, 0])
  }

  @Test func comparesBits() {
    #expect(HostTensor([Float.nan]) == HostTensor([Float.nan]))
    #expect(HostTensor([0.0 as Float]) != HostTensor([-0.0 as Float]))
    #expect(HostTensor([1, 2] as [Int32], shape: [2, 1]) != HostTensor([1, 2] as [Int32]))
  }

  @Test func checksItsParts() throws {
    let empty = try HostTensor(dtype: .f32, shape: [0, 3], bytes: [])
    #expect(empty.count == 0 && empty.rank == 2)
    #expect(try HostTensor(dtype: .f64, shape: [], bytes: [UInt8](repeating: 0, count: 8)).count == 1)
    func message(_ dtype: DType, _ shape: [Int], _ bytes: [UInt8]) -> String {
      do throws(HostTensorError) {
        return try HostTensor(dtype: dtype, shape: shape, bytes: bytes).description
      } catch {
        return error.description
      }
    }
    #expect(message(.f32, [2], [0]) == "2 elements of f32 take 8 bytes but 1 were given")
    #expect(message(.u8, [2, -1], []) == "shape [2,-1] has the negative extent -1")
    #expect(message(.u8, [Int.min, 0], []) == "shape [\(Int.min),0] has the negative extent \(Int.min)")
    #expect(message(.u8, [.max, 2], []) == "the size of u8[\(Int.max),2] overflows")
    #expect(message(.f64, [1 << 61], []) == "the size of f64[\(1 << 61)] overflows")
    #expect(message(.u8, [0, .max, 2], []) == "the size of u8[0,\(Int.max),2] overflows")
    #expect(message(.bool, [2], [1, 2]) == "element 1 of a bool array is the byte 2, neither 0 nor 1")
  }

  @Test func countsElements() {
    #expect(HostTensor.elementCount(of: []) == 1)
    #expect(HostTensor.elementCount(of: [2, 3, 4]) == 24)
    #expect(HostTensor.elementCount(of: [2, 0, 4]) == 0)
    #expect(HostTensor.elementCount(of: [-1]) == nil)
    #expect(HostTensor.elementCount(of: [-1, 0]) == nil)
    #expect(HostTensor.elementCount(of: [1 << 40, 1 << 40]) == nil)
  }

  @Test func reshapes() throws {
    let tensor = HostTensor([1, 2, 3, 4, 5, 6] as [Int32])
    #expect(try tensor.reshaped([2, 3]) == HostTensor([1, 2, 3, 4, 5, 6] as [Int32], shape: [2, 3]))
    #expect(throws: HostTensorError.self) { try tensor.reshaped([4]) }
    #expect(throws: HostTensorError.self) { try tensor.reshaped([-2, -3]) }
    #expect(throws: HostTensorError.self) { try tensor.reshaped([1 << 62, 1 << 62]) }
    #expect(try HostTensor.zeros(.i32, shape: [2]) == HostTensor([0, 0] as [Int32]))
    #expect(throws: HostTensorError.self) { try HostTensor.zeros(.i32, shape: [-2]) }
  }

  @Test func describesSmallTensors() {
    #expect(HostTensor(scalar: 1.5 as Float).description == "f32[] 1.5")
    #expect(HostTensor([1, 2] as [Int64]).description == "i64[2] [1, 2]")
    #expect(HostTensor([] as [Float]).description == "f32[0] []")
    #expect(HostTensor([true, false]).description == "bool[2] [true, false]")
    #expect(
      HostTensor([1, -10, 3, 4] as [Int32], shape: [2, 2]).description
        == "i32[2,2]\n[[  1, -10],\n [  3,   4]]")
    let cube = HostTensor([1, 2, 3, 4] as [UInt8], shape: [2, 1, 2])
    #expect(cube.description == "u8[2,1,2]\n[[[1, 2]],\n\n [[3, 4]]]")
  }

  @Test func elidesBigTensors() throws {
    let line = HostTensor((0..<100).map { Int32($0) })
    #expect(line.description == "i32[100] [0, 1, 2, ..., 97, 98, 99]")
    let square = try HostTensor.zeros(.u8, shape: [100, 100])
    let row = "[0, 0, 0, ..., 0, 0, 0]"
    #expect(
      square.description
        == "u8[100,100]\n[\(row),\n \(row),\n \(row),\n ...,\n \(row),\n \(row),\n \(row)]")
    let deep = try HostTensor.zeros(.u8, shape: [Int](repeating: 1, count: 100))
    #expect(deep.description.hasSuffix(",...] flat [0]"))
    let wide = try HostTensor.zeros(.u8, shape: [4, 4, 4, 4, 4, 4, 4, 4])
    #expect(wide.description == "u8[4,4,4,4,4,4,4,4] flat [0, 0, 0, ..., 0, 0, 0]")
    #expect(try HostTensor.zeros(.f32, shape: [200, 0]).description == "f32[200,0]\n[]")
  }

  @Test func stopsAtTheWrongElementType() async {
    await #expect(processExitsWith: .failure) { _ = HostTensor([1.0 as Double]).floats() }
    await #expect(processExitsWith: .failure) { _ = HostTensor([1.0 as Double], shape: [2]) }
  }
}
