// The C interface: status codes, the parameters file, states, threads, memory safety, and the text itself.

import SluiceC
import SluiceFormats
import SluiceIR
import SluicePlan
import TestSupport
import Testing

import enum TestSupport.Repository

@Suite struct InterfaceTests {
  private static let folder = String(
    #filePath.prefix(upTo: #filePath.lastIndex(of: "/") ?? #filePath.startIndex))

  private static func parameters(_ plan: ModulePlan) throws -> [HostTensor] {
    var random = SeededRandom(5)
    return try plan.parameters.map { variable in
      let shape = plan.tables.types.shape(variable.type).map { Int(plan.tables.dims.value($0) ?? 0) }
      let count = shape.reduce(1, *)
      return try HostTensor((0..<count).map { _ in random.float() / 8 }).reshaped(shape)
    }
  }

  private static func states(_ plan: ModulePlan) throws -> [HostTensor] {
    try plan.states.map { variable in
      let shape = plan.tables.types.shape(variable.type).map { Int(plan.tables.dims.value($0) ?? 0) }
      return try HostTensor.zeros(plan.tables.types.dtype(variable.type), shape: shape)
    }
  }

  private static func block(_ tensors: [HostTensor], _ plan: ModulePlan) -> [UInt8] {
    var block = [UInt8](repeating: 0, count: plan.parameterBytes)
    for (variable, tensor) in zip(plan.parameters, tensors) {
      block.replaceSubrange(variable.offset..<variable.offset + variable.byteCount, with: tensor.bytes)
    }
    return block
  }

  // MARK: The text

  @Test func goldenText() throws {
    var options = CSource.Options()
    options.graphHash = 0x1234_5678_9ABC_DEF0
    let (source, _) = CSource.emitC(SampleModel.plan(), options: options)
    #expect(
      source == CSource.emitC(SampleModel.plan(), options: options).source, "the text changes from run to run"
    )
    let difference = try Repository.difference(source, golden: "Tests/SluiceCTests/Goldens/sample.c")
    #expect(difference == nil)
  }

  // MARK: From C

  /// How the driver is compiled: compiler, language, flags.
  private static let drivers: [[String]] = [
    ["gcc", "-x", "c", "-std=c99", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    ["g++", "-x", "c++", "-std=c++17", "-O3", "-march=native"],
    ["clang", "-x", "c", "-std=gnu17", "-O2", "-DSAMPLE_SOFTWARE_FMA"],
  ]

  @Test(arguments: drivers.indices)
  func aProgramInC(driver: Int) throws {
    let command = Self.drivers[driver]
    guard let compiler = try? CCompiler(command[0]) else { return }
    let plan = SampleModel.plan()
    let scratch = try ScratchFolder()
    _ = try scratch.write("sample.c", CSource.emitC(plan).source)
    let parameters = Self.block(try Self.parameters(plan), plan)
    try FileIO.write(ParametersFile.encode(parameters, of: plan), to: scratch.file("sample.params"))
    let program = scratch.file("driver")
    let flags = command.dropFirst() + ["-DSAMPLE_THREADS", "-pthread", "-I", scratch.path, "-o", program]
    let (code, output) = try scratch.run(compiler.path, flags + [Self.folder + "/Drivers/sample_driver.c"])
    try #require(code == 0, "\(output.prefix(3000))")
    let run = try scratch.run(program, [scratch.path + "/sample.params"])
    #expect(run.code == 0, "\(run.output.prefix(3000))")
  }

  // MARK: From Swift

  @Test(arguments: [1, 2])
  func compiledModelsGiveTheBitsOfThePlan(threads: Int) throws {
    let plan = SampleModel.plan()
    let (parameters, states) = (try Self.parameters(plan), try Self.states(plan))
    let symbol = plan.functions[0].symbols[0]
    for build in Build.fast {
      let model = try CompiledModel(
        plan, parameters: parameters, states: states, options: build.options(threads: threads))
      var machine = PlanMachine(plan, parameters: parameters, states: states)
      var random = SeededRandom(9)
      for rows in [64, 1, 0, 17, 33] {
        let x = try HostTensor((0..<rows * 24).map { _ in random.float() }).reshaped([rows, 24])
        let inputs = [x, HostTensor(scalar: Float(0.25))]
        let expected = try machine.run("run", inputs, symbols: [symbol: rows])
        #expect(try model.run("run", inputs: inputs, symbols: [symbol: rows]) == expected)
        #expect(model.stateBytes == machine.states)
      }
      #expect(model.states[0].int64s() == [5])
      try model.setStates(states)
      #expect(model.stateBytes.allSatisfy { $0 == 0 })
      try model.setStateBytes(machine.states)
      #expect(model.stateBytes == machine.states)
    }
  }

  @Test func callsArePreparedOnceAndThreadsChange() throws {
    let plan = SampleModel.plan()
    let (parameters, states) = (try Self.parameters(plan), try Self.states(plan))
    let symbol = plan.functions[0].symbols[0]
    let scratch = try ScratchFolder()
    var options = CompiledModel.Options()
    (options.threads, options.cache, options.optimisation) = (2, scratch.path, ["-O1"])
    let model = try CompiledModel(plan, parameters: parameters, states: states, options: options)
    #expect((model.compileDuration ?? .zero) > .zero)
    var machine = PlanMachine(plan, parameters: parameters, states: states)
    var random = SeededRandom(10)
    let x = try HostTensor((0..<33 * 24).map { _ in random.float() }).reshaped([33, 24])
    let inputs = [x, HostTensor(scalar: Float(0.25))]
    let call = try model.prepare("run", inputs: inputs, symbols: [symbol: 33])
    #expect(call.outputs.allSatisfy { $0.bytes.allSatisfy { $0 == 0 } })
    for threads in [2, 1, 3, 3, 0, 2] {
      try model.setThreads(threads)
      try call.run()
      #expect(try call.outputs == machine.run("run", inputs, symbols: [symbol: 33]))
      #expect(model.stateBytes == machine.states)
    }
    #expect(throws: RunError.unboundSymbol("B")) {
      _ = try model.prepare("run", inputs: inputs, symbols: [:])
    }
    // Found in the folder, and made for one thread.
    options.threads = 1
    _ = try CompiledModel(plan, parameters: parameters, states: states, options: options)
    let again = try CompiledModel(plan, parameters: parameters, states: states, options: options)
    #expect(again.compileDuration == nil)
    try again.setThreads(2)
    machine = PlanMachine(plan, parameters: parameters, states: states)
    #expect(
      try again.run("run", inputs: inputs, symbols: [symbol: 33])
        == machine.run("run", inputs, symbols: [symbol: 33]))
  }

  @Test func embeddedParametersAndInitialStates() throws {
    let plan = SampleModel.plan()
    let parameters = try Self.parameters(plan)
    var options = CSource.Options()
    options.parameters = .embedded(Self.block(parameters, plan))
    var initial = [UInt8](repeating: 0, count: plan.stateBytes)
    for at in 0..<8 { initial[at] = UInt8(at) }
    for at in stride(from: 66, to: 100, by: 4) { initial[at] = 0x80 }
    options.states = initial
    let scratch = try ScratchFolder()
    _ = try scratch.write("sample.c", CSource.emitC(plan, options: options).source)
    let user = try scratch.write(
      "user.c",
      """
      #include "sample.c"
      #include <stdio.h>
      static _Alignas(64) unsigned char state[SAMPLE_STATE_BYTES], arena[SAMPLE_ARENA_BYTES];
      int main(void) {
        static float x[64 * 24], y[64 * 40], mean, n;
        sample_context context = {NULL, state, arena, sizeof arena, NULL, NULL};
        const sample_run_dims dims = {64};
        const sample_run_inputs inputs = {x, 0.5f};
        const sample_run_outputs outputs = {y, &mean, &n};
        for (int i = 0; i < 64 * 24; ++i) x[i] = (float)(i % 5);
        if (sample_reset(&context) != SAMPLE_OK) return 1;
        for (int i = 0; i < SAMPLE_STATE_BYTES; ++i) printf("%d ", state[i]);
        if (sample_run(&context, &dims, &inputs, &outputs) != SAMPLE_OK) return 2;
        unsigned bits;
        __builtin_memcpy(&bits, &mean, 4);
        printf("%u", bits);
        return 0;
      }

      """)
    let program = scratch.file("user")
    let (code, output) = try scratch.run(try CCompiler.find().path, ["-std=c11", "-O1", "-o", program, user])
    try #require(code == 0, "\(output)")
    let run = try scratch.run(program, [])
    let x = try HostTensor((0..<64 * 24).map { Float($0 % 5) }).reshaped([64, 24])
    var machine = PlanMachine(plan, parameters: parameters, states: try Self.states(plan))
    let mean = try machine.run(
      "run", [x, HostTensor(scalar: Float(0.5))], symbols: [plan.functions[0].symbols[0]: 64])[1]
    let expected = initial.map { "\($0) " }.joined() + "\(mean.floats()[0].bitPattern)"
    #expect(run.output == expected && run.code == 0)
  }

  @Test func wrongCallsAreRefused() throws {
    let plan = SampleModel.plan()
    let (parameters, states) = (try Self.parameters(plan), try Self.states(plan))
    #expect(throws: RunError.tensorCount(role: "parameters", expected: 2, actual: 0)) {
      _ = try CompiledModel(plan, parameters: [], states: states)
    }
    let model = try CompiledModel(plan, parameters: parameters, states: states)
    let symbol = plan.functions[0].symbols[0]
    let rate = HostTensor(scalar: Float(1))
    let tall = try HostTensor.zeros(.f32, shape: [65, 24])
    #expect(throws: RunError.unknownFunction("walk")) { _ = try model.run("walk", inputs: []) }
    #expect(throws: RunError.unboundSymbol("B")) {
      _ = try model.run("run", inputs: [tall, rate], symbols: [:])
    }
    #expect(throws: RunError.refused(function: "run", status: 2)) {
      _ = try model.run("run", inputs: [tall, rate], symbols: [symbol: 65])
    }
    #expect(throws: RunError.tensorType(name: "x", expected: "f32[B,24]", actual: "f32[65,24]")) {
      _ = try model.run("run", inputs: [tall, rate], symbols: [symbol: 64])
    }
    #expect(throws: RunError.tensorCount(role: "inputs", expected: 2, actual: 1)) {
      _ = try model.run("run", inputs: [tall], symbols: [symbol: 65])
    }
    #expect(throws: RunError.stateSize(expected: 128, actual: 1)) { try model.setStateBytes([1]) }
  }

  @Test func compilersThatAreNotThereOrFail() throws {
    #expect(throws: CompileError.self) { _ = try CCompiler("/nonexistent/cc") }
    let error = #expect(throws: CompileError.self) {
      var options = CompiledModel.Options()
      options.flags = ["-DSAMPLE_API=)", "-DUNIQUE=\(System.uniqueName.filter { $0.isLetter })"]
      let plan = SampleModel.plan()
      _ = try CompiledModel(
        plan, parameters: try Self.parameters(plan), states: try Self.states(plan), options: options)
    }
    #expect(error?.kind == .compiler)
    #expect(error?.description.contains("error:") ?? false)
  }

  // MARK: The parameters file

  @Test func parametersFilesAreReadBackAndDamagedOnesRefused() throws {
    let plan = SampleModel.plan()
    let block = Self.block(try Self.parameters(plan), plan)
    let file = ParametersFile.encode(block, of: plan)
    #expect(try ParametersFile.decode(file, of: plan) == block)
    for at in Array(0..<64) + stride(from: 64, to: file.count, by: 61) {
      var damaged = file
      damaged[at] ^= 0x10
      #expect(throws: ParametersFile.Failure.self) { _ = try ParametersFile.decode(damaged, of: plan) }
    }
    for count in [0, 7, 8, 63, 64, file.count - 1] {
      #expect(throws: ParametersFile.Failure.self) {
        _ = try ParametersFile.decode(Array(file.prefix(count)), of: plan)
      }
    }
    #expect(throws: ParametersFile.Failure.self) { _ = try ParametersFile.decode(file + [0], of: plan) }
    #expect(throws: ParametersFile.Failure.layout) {
      _ = try ParametersFile.decode(file, of: SampleModel.plan(outer: 41))
    }
  }
}
