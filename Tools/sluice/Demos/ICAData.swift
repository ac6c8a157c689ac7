import SluiceCommandLine
import SluiceFormats
import SluiceModels

/// What the demo learns from and what it unmixes: pictures, recordings or plain arrays.
struct ICAData {
  /// Examples of a number of mixtures, row-major: `[count, dimension]`.
  struct Samples {
    var count: Int
    var dimension: Int
    var values: [Float]

    /// Signals of equal length, one a column.
    init(columns: [[Float]]) {
      dimension = columns.count
      count = columns.first?.count ?? 0
      values = [Float](repeating: 0, count: count * dimension)
      for (j, column) in columns.enumerated() {
        for (i, value) in column.enumerated() { values[i * dimension + j] = value }
      }
    }

    /// Rows as they stand.
    init(count: Int, dimension: Int, values: [Float]) {
      self.count = count
      self.dimension = dimension
      self.values = values
    }

    /// As a tensor f32 [count, dimension].
    var tensor: HostTensor { HostTensor(values, shape: [count, dimension]) }

    /// One signal.
    func column(_ j: Int) -> [Float] { (0..<count).map { values[$0 * dimension + j] } }
  }

  /// What the files hold.
  enum Kind {
    case pictures(width: Int, height: Int)
    case recordings(rate: Int)
    case array
  }

  var kind: Kind
  /// What W is learned on.
  var samples: Samples
  /// What is unmixed.
  var mixtures: Samples
  /// How the sources were mixed, where the demo did it.
  var mixing: Matrix?

  static func load(_ request: Demo.Request) throws -> ICAData {
    guard let first = request.inputs.first else { return try photographs(request) }
    if first.hasSuffix(".wav") { return try recordings(request) }
    if first.hasSuffix(".npy") { return try array(request) }
    throw InputError("`\(first)`: the demo reads recordings (.wav) and arrays of shape [n, d] (.npy)")
  }

  // MARK: Photographs

  /// The matrix that mixes the two photographs.
  private static let pictureMixing = Matrix(rows: [[0.6, 0.4], [0.45, 0.55]])

  private static func photographs(_ request: Demo.Request) throws -> ICAData {
    let photographs = try [ModelData.chinaGray(), ModelData.flowerGray()]
    let (height, width) = (photographs[0].shape[0], photographs[0].shape[1])
    let sources = photographs.map { picture in picture.asDoubles().map { Float($0 / 255) } }
    let mixtures = Samples(columns: mix(sources, by: pictureMixing))
    let differences = (0..<2).map { j in
      let picture = mixtures.column(j)
      return (0..<height).flatMap { y in
        (0..<(width - 1)).map { x in picture[y * width + x + 1] - picture[y * width + x] }
      }
    }
    let data = ICAData(
      kind: .pictures(width: width, height: height), samples: Samples(columns: differences),
      mixtures: mixtures,
      mixing: pictureMixing)
    try FileIO.createDirectories(request.folder)
    for j in 0..<2 { try data.writePicture(mixtures.column(j), "mixed-\(j + 1)", request, stretched: false) }
    return data
  }

  private static func mix(_ sources: [[Float]], by matrix: Matrix) -> [[Float]] {
    (0..<matrix.rowCount).map { i in
      (sources.first ?? []).indices.map { t in
        Float(sources.indices.reduce(0.0) { $0 + matrix[i, $1] * Double(sources[$1][t]) })
      }
    }
  }

  /// A well-conditioned mixing of any number of sources: 1 on the diagonal, less and less beside it.
  private static func mixing(_ count: Int) -> Matrix {
    var values: [Double] = []
    for i in 0..<count {
      for j in 0..<count {
        let size = 0.6 / Double(1 + abs(i - j))
        values.append(i == j ? 1 : (i + j) % 2 == 0 ? -size : size)
      }
    }
    return Matrix(rowCount: count, columnCount: count, values)
  }

  // MARK: Recordings and arrays

  private static func recordings(_ request: Demo.Request) throws -> ICAData {
    var signals: [[Float]] = []
    var rate: Int?
    for path in request.inputs {
      guard path.hasSuffix(".wav") else {
        throw InputError("`\(path)` is no recording (.wav) like the first file")
      }
      let clip = try Wav.read(path)
      if let rate, rate != clip.sampleRate {
        throw InputError("`\(path)` has \(clip.sampleRate) samples a second, the first file has \(rate)")
      }
      rate = clip.sampleRate
      guard clip.channels.count == 1 || request.inputs.count == 1 else {
        throw InputError(
          "`\(path)` has \(clip.channels.count) channels; give mono files, or one file whose channels are the mixtures"
        )
      }
      signals += clip.channels
    }
    let length = signals.map(\.count).min() ?? 0
    return try data(
      .recordings(rate: rate ?? 0), signals.map { Array($0.prefix(length)) }, request,
      what: "samples (the shortest recording counts)")
  }

  private static func array(_ request: Demo.Request) throws -> ICAData {
    guard request.inputs.count == 1 else {
      throw InputError("give one .npy file of shape [n, d], got \(request.inputs.count) files")
    }
    let tensor = try Npy.read(request.inputs[0])
    guard tensor.shape.count == 2 else {
      throw InputError(
        "`\(request.inputs[0])` has shape \(tensor.shape); the demo reads [n, d]: n examples of d mixtures")
    }
    let (n, d) = (tensor.shape[0], tensor.shape[1])
    let values = tensor.asDoubles().map { Float($0) }
    return try data(.array, (0..<d).map { j in (0..<n).map { values[$0 * d + j] } }, request, what: "rows")
  }

  private static func data(_ kind: Kind, _ signals: [[Float]], _ request: Demo.Request, what: String) throws
    -> ICAData
  {
    let count = signals.first?.count ?? 0
    guard (2...64).contains(signals.count) else {
      throw InputError("the number of mixtures is \(signals.count); the demo unmixes 2 to 64")
    }
    guard count >= 100 * signals.count else {
      throw InputError(
        "\(count) \(what) are too few for \(signals.count) mixtures; at least \(100 * signals.count) are needed"
      )
    }
    if let bad = signals.joined().first(where: { !$0.isFinite }) { throw InputError("the data holds \(bad)") }
    let matrix = request.mixes ? mixing(signals.count) : nil
    let samples = Samples(columns: matrix.map { mix(signals, by: $0) } ?? signals)
    let data = ICAData(kind: kind, samples: samples, mixtures: samples, mixing: matrix)
    if request.mixes, case .recordings = kind {
      try FileIO.createDirectories(request.folder)
      for j in signals.indices { try data.writeRecording(samples.column(j), "mixed-\(j + 1)", request) }
    }
    return data
  }

  // MARK: Results

  /// Writes the recovered sources as what the inputs were.
  func write(_ sources: Samples, _ request: Demo.Request) throws {
    switch kind {
    case .pictures:
      for j in 0..<sources.dimension {
        try writePicture(aligned(sources.column(j)), "recovered-\(j + 1)", request, stretched: true)
      }
    case .recordings:
      for j in 0..<sources.dimension { try writeRecording(sources.column(j), "recovered-\(j + 1)", request) }
    case .array:
      let path = "\(request.folder)/recovered.npy"
      try Npy.write(sources.tensor, to: path)
      request.context.message(path)
    }
  }

  /// A source with the sign that makes it bright where the mixtures are: ICA leaves the sign open.
  private func aligned(_ source: [Float]) -> [Float] {
    let light = (0..<source.count).map { i in
      (0..<mixtures.dimension).reduce(0.0) { $0 + Double(mixtures.values[i * mixtures.dimension + $1]) }
    }
    let count = Double(source.count)
    let mean = light.reduce(0, +) / count
    let correlation = zip(source, light).reduce(0.0) { $0 + Double($1.0) * ($1.1 - mean) }
    return correlation < 0 ? source.map { -$0 } : source
  }

  private func writePicture(_ values: [Float], _ name: String, _ request: Demo.Request, stretched: Bool)
    throws
  {
    guard case .pictures(let width, let height) = kind else { return }
    // A recovered picture has no scale of its own: the middle 99 % of its values fill the range.
    let sorted = stretched ? values.sorted() : [0, 1]
    let low = sorted[sorted.count / 200]
    let high = sorted[sorted.count - 1 - sorted.count / 200]
    let scale = high > low ? 255 / (high - low) : 0
    let samples = values.map { UInt8(min(max((($0 - low) * scale).rounded(), 0), 255)) }
    guard let image = Image(width: width, height: height, channels: .grey, samples: samples) else { return }
    let path = "\(request.folder)/\(name).png"
    try Png.write(image, to: path)
    request.context.message(path)
  }

  private func writeRecording(_ values: [Float], _ name: String, _ request: Demo.Request) throws {
    guard case .recordings(let rate) = kind else { return }
    let peak = values.map(\.magnitude).max() ?? 0
    let scale = peak > 0 ? 0.9 / peak : 0
    guard let clip = AudioClip(sampleRate: rate, channels: [values.map { $0 * scale }]) else { return }
    let path = "\(request.folder)/\(name).wav"
    try Wav.write(clip, to: path, as: .pcm16)
    request.context.message(path)
  }
}
