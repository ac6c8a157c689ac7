import Sluice
import SluiceC
import SluiceFormats
import SluiceModels
import Testing

/// `ica` against NumPy, and its backends against each other.
struct ICATests {
  /// The update rule is the gradient of the log likelihood: `gradient` finds the closed form.
  @Test func ruleIsTheGradientOfTheLikelihood() throws {
    let model = Model("rule") { model in
      let (N, d) = (Dim("N", max: 8), Dim(3))
      model.function("both") { f in
        let x = f.input("x", .f64, [N, d])
        let w = f.input("w", .f64, [d, d])
        let s = x.matmul(w.T)  // [N, d]
        let densities = -softplus(s) - softplus(-s)
        let likelihood = densities.sum() + logAbsDet(w) * size(of: N, .f64)
        f.output("derived", gradient(of: likelihood, wrt: w))
        let slopes = 1 - 2 * sigmoid(s)
        f.output("closed", slopes.T.matmul(x) + size(of: N, .f64) * inverse(w.T))
      }
    }
    var session = try Session(model)
    let x = (0..<15).map { Double(($0 * 37) % 23) / 7 - 1.5 }
    let w = [1, 0.25, -0.5, 0.125, 2, 0.75, -0.25, 0.5, 1.5]
    let results = try session.run("both", [HostTensor(x, shape: [5, 3]), HostTensor(w, shape: [3, 3])])
    for (derived, closed) in zip(results[0].doubles(), results[1].doubles()) {
      #expect(abs(derived - closed) <= 1e-13 * max(1, abs(closed)))
    }
  }

  static let cases = ["d2_n64", "d3_n256", "d4_n256"]

  private func session(_ data: String, _ backend: Backend) throws -> (Session, (String) throws -> HostTensor)
  {
    let read = { (name: String) in try Oracle.read("ica/\(data)/\(name)") }
    let x = try read("x")
    let settings = [
      "sources": "\(x.shape[1])", "max_samples": "512", "max_batches": "512", "max_batch": "512",
    ]
    var session = try Session(ica, settings: settings, backend: backend)
    try session.setState("w", read("w"))
    return (session, read)
  }

  private func part(_ x: HostTensor, _ rows: some Sequence<Int32>, _ lead: [Int]) -> HostTensor {
    let d = x.shape[1]
    let values = x.floats()
    let picked = rows.flatMap { row in values[(Int(row) * d)..<(Int(row) * d + d)] }
    return HostTensor(Array(picked), shape: lead + [d])
  }

  @Test(arguments: cases, Backend.allCases)
  func agreesWithNumPy(_ data: String, _ backend: Backend) throws {
    var (session, read) = try session(data, backend)
    let (x, w, rate, order) = try (read("x"), read("w"), read("rate"), read("order").int32s())
    let batch = Int(try read("batch").int32s()[0])
    let likelihood = try session.run("log_likelihood", ["x": x])[0].tensor
    #expect(try distance(likelihood, read("log_likelihood")) < 2e-6)

    let first = part(x, order.prefix(1), [])
    let stepped = try session.run("step", ["x": first, "rate": rate])[0].tensor
    #expect(try distance(stepped, read("step")) < 2e-6)
    #expect(try session.state("w") == stepped)

    for (function, one, all) in [
      ("epoch", "minibatch_step", "epoch"), ("natural_epoch", "natural_minibatch_step", "natural_epoch"),
    ] {
      try session.setState("w", w)
      // One minibatch a call, in NumPy's order: what the shuffle does within a minibatch changes no sum but its order.
      for start in stride(from: 0, to: order.count / batch * batch, by: batch) {
        let rows = part(x, order[start..<(start + batch)], [1, batch])
        let inputs = ["x": rows, "rate": rate, "seed": HostTensor(scalar: 5 as Int64)]
        let learned = try session.run(function, inputs)[0].tensor
        if start == 0 { #expect(try distance(learned, read(one)) < 2e-6, "\(function)") }
      }
      #expect(try distance(session.state("w"), read(all)) < 1e-5, "\(function)")
    }
  }

  @Test(arguments: cases, Backend.allCases)
  func whitensAndUnmixes(_ data: String, _ backend: Backend) throws {
    var (session, read) = try session(data, backend)
    let white = try session.run("whiten", ["x": read("mixed")])[0].tensor
    #expect(try distance(session.state("whitening"), read("whiten.cholesky")) < 1e-4)
    #expect(try distance(white, read("x")) < 1e-4)
    let d = white.shape[1]
    let identity = HostTensor((0..<(d * d)).map { $0 % (d + 1) == 0 ? 1 : 0 as Float }, shape: [d, d])
    try session.setState("whitening", identity)
    try session.setState("w", HostTensor(read("epoch").doubles().map { Float($0) }, shape: [d, d]))
    let sources = try session.run("unmix", ["x": read("x")])[0].tensor
    #expect(try distance(sources, read("unmixed")) < 2e-6)
  }

  /// Every entry point gives the same bytes from the interpreter and from the C of every compiler, level, target and
  /// number of threads.
  @Test func backendsGiveTheSameBits() throws {
    let settings = ["sources": "3", "max_samples": "4096", "max_batches": "64", "max_batch": "64"]
    let runner = try Runner(ica.trace(settings: settings))
    let rate = HostTensor(scalar: 0.05 as Float)
    let seed = HostTensor(scalar: 3 as Int64)
    let calls: [(String, [HostTensor])] = [
      ("log_likelihood", [noise([3000, 3])]), ("step", [noise([3]), rate]),
      ("epoch", [noise([40, 33, 3]), rate, seed]), ("natural_epoch", [noise([40, 33, 3]), rate, seed]),
      ("whiten", [noise([4096, 3])]), ("unmix", [noise([17, 3])]),
    ]
    var ways: [(flags: [String], threads: Int)] = [
      (["-O0"], 1), (["-O2"], 1), (["-O3", "-march=native"], 2),
    ]
    if Runner.compilers.count == 0 { ways = [] }
    for compiler in Runner.compilers {
      for way in ways {
        let run = try runner.compiled(compiler, way.flags, threads: way.threads)
        for (function, inputs) in calls {
          let wanted = try runner.interpreted(function, inputs, poison: true)
          #expect(try run(function, inputs) == wanted, "\(compiler.path) \(way.flags) \(function)")
        }
      }
    }
  }
}
