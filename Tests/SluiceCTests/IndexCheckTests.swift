// Indices and classes out of range in the inputs of generated C.

import SluiceC
import SluiceFormats
import SluiceIR
import SluicePasses
import SluicePlan
import SluiceText
import Testing

@Suite struct IndexCheckTests {
  /// `@cheap` has much to do for each of its indices, `@costly` next to nothing.
  private static let text = """
    module @m

    func @cheap(%w: f32[40,900], %t: i32[B,T+1], %end: i64[B], %bytes: u8[B]) -> f32[B,T,40], f32[], f32[B,40], f32[B,900]
      where B <= 4, T <= 6 {
      %a = slice %t {start = [0,0], limit = [B,T]} : i32[B,T]
      %b = slice %t {start = [0,1], limit = [B,T+1], strides = [1,1]} : i32[B,T]
      %e = gather %w, %a : f32[B,T,900]
      %s = matmul %e, %w {transpose_rhs = true} : f32[B,T,40]
      %l = cross_entropy %s, %b : f32[]
      %r = reverse %end : i64[B]
      %o = one_hot %r {depth = 40} : f32[B,40]
      %n = cast %bytes {dtype = i32} : i32[B]
      %g = gather %w, %n : f32[B,900]
      return %s, %l, %o, %g
    }

    func @costly(%w: f32[N], %i: i32[], %j: i64[3,N]) -> f32[], f32[3,N] where N <= 9 {
      %a = gather %w, %i : f32[]
      %b = gather %w, %j : f32[3,N]
      return %a, %b
    }

    """

  private static func plan() throws -> ModulePlan {
    let module = try parseModule(text, file: "m.sluice")
    var plan = try Planner.plan(runPasses(module, ["expand"]))
    plan.noteIndexUses(of: module)
    return plan
  }

  private static func cheap(_ t: [Int32], _ end: [Int64], _ bytes: [UInt8]) -> [HostTensor] {
    [
      HostTensor([Float](repeating: 0.5, count: 36_000), shape: [40, 900]), HostTensor(t, shape: [2, 3]),
      HostTensor(end), HostTensor(bytes),
    ]
  }

  private static func costly(_ i: Int32, _ j: [Int64]) -> [HostTensor] {
    [HostTensor([1, 2] as [Float]), HostTensor(scalar: i), HostTensor(j, shape: [3, 2])]
  }

  /// Calls, and whether an index in them is out of range.
  private static let calls: [(function: String, inputs: [HostTensor], isOutside: Bool)] = [
    ("cheap", cheap([39, -40, 0, 1, 2, -7], [39, -1], [0, 39]), false),
    // The last token of a row is a class alone, the first one an index alone.
    ("cheap", cheap([-40, 1, -900, 39, 2, -41], [39, -1], [0, 39]), false),
    ("cheap", cheap([40, 1, 0, 1, 2, 7], [39, -1], [0, 39]), true),
    ("cheap", cheap([-41, 1, 0, 1, 2, 7], [39, -1], [0, 39]), true),
    ("cheap", cheap([1, 1, 0, 1, 2, 40], [39, -1], [0, 39]), true),
    ("cheap", cheap([1, 1, 0, 1, -41, 3], [39, -1], [0, 39]), true),
    ("cheap", cheap([1, 1, 0, 1, 4, 3], [40, -1], [0, 39]), true),
    ("cheap", cheap([1, 1, 0, 1, 4, 3], [0, .min], [0, 40]), true),
    ("cheap", cheap([1, 1, 0, 1, 4, 3], [0, .max], [0, 3]), true),
    ("costly", costly(-2, [1, 0, -1, -2, 0, 0]), false), ("costly", costly(2, [1, 0, -1, -2, 0, 0]), true),
    ("costly", costly(0, [1, 0, -1, -2, 0, -3]), true), ("costly", costly(.min, [1, 0, 1, 0, 1, 0]), true),
  ]

  @Test func theEstimateChooses() throws {
    let (source, header) = CSource.emitC(try Self.plan())
    #expect(
      source.contains("#if M_CHECK_INDICES >= 1\n/* Whether an index or a class in the inputs of m_cheap"))
    #expect(
      source.contains("#if M_CHECK_INDICES >= 2\n/* Whether an index or a class in the inputs of m_costly"))
    #expect(header.contains("bytes has indices into 40 elements, those below 0 from the end."))
    #expect(header.contains("end has classes less than 40, below 0 for none."))
    #expect(header.contains("M_ERROR_INDEX = 8"))
  }

  @Test(arguments: [0, 1, 2]) func callsAreRefused(_ level: Int) throws {
    var options = CompiledModel.Options()
    options.indexChecks = level
    options.optimisation = ["-O1"]
    let model = try CompiledModel(try Self.plan(), parameters: [], states: [], options: options)
    for (number, call) in Self.calls.enumerated() {
      var status = 0
      do {
        _ = try model.run(call.function, inputs: call.inputs)
      } catch {
        if case .refused(_, let refusal) = error { status = refusal }
      }
      let isLookedFor = level == 2 || level == 1 && call.function == "cheap"
      #expect(status == (call.isOutside && isLookedFor ? 8 : 0), "call \(number)")
    }
  }

  @Test(arguments: ["clang", "gcc"]) func noWarnings(compiler name: String) throws {
    guard let compiler = try? CCompiler(name) else { return }
    let folder = try ScratchFolder()
    let file = try folder.write("m.c", CSource.emitC(Self.plan()).source)
    for language in [["-x", "c", "-std=c99"], ["-x", "c++", "-std=c++17"]] {
      for level in 0...2 {
        let (code, output) = try folder.run(
          compiler.path,
          language + CompileTests.warnings + [
            "-DM_CHECK_INDICES=\(level)", "-O1", "-c", "-o", folder.file("m.o"), file,
          ])
        #expect(code == 0, "\(output.prefix(2000))")
      }
    }
  }
}
