// Convolutions and their derivatives in register tiles, against sums written down here.

import SluiceC
import SluiceFormats
import SluiceIR
import SluicePasses
import SluicePlan
import TestSupport
import Testing

@Suite struct ConvolutionTests {
  /// A convolution of square windows.
  struct Shape: CustomStringConvertible {
    var images: Int
    var channels: Int
    var height: Int
    var width: Int
    var filters: Int
    var size: Int
    var stride = 1
    var padding = 0
    var groups = 1

    var rows: Int { (height + 2 * padding - size) / stride + 1 }
    var columns: Int { (width + 2 * padding - size) / stride + 1 }
    var description: String {
      "\(images)x\(channels)x\(height)x\(width) to \(filters) by \(size) / \(stride) + \(padding) of \(groups)"
    }
  }

  /// Few and many channels, images that fill registers and such that do not, strides that end early, groups.
  private static let shapes = [
    Shape(images: 1, channels: 3, height: 32, width: 32, filters: 20, size: 3, padding: 1),
    Shape(images: 1, channels: 20, height: 16, width: 16, filters: 32, size: 3, stride: 2, padding: 1),
    Shape(images: 1, channels: 32, height: 8, width: 8, filters: 100, size: 3, padding: 1),
    Shape(images: 1, channels: 100, height: 8, width: 8, filters: 24, size: 1, stride: 2),
    Shape(images: 2, channels: 3, height: 21, width: 19, filters: 16, size: 7, stride: 2, padding: 3),
    Shape(images: 1, channels: 24, height: 9, width: 9, filters: 24, size: 3, padding: 1, groups: 24),
    Shape(images: 2, channels: 16, height: 14, width: 14, filters: 32, size: 3, padding: 1, groups: 2),
    Shape(images: 2, channels: 17, height: 7, width: 7, filters: 33, size: 3, padding: 1),
    Shape(images: 2, channels: 32, height: 4, width: 4, filters: 40, size: 3, padding: 1),
    Shape(images: 1, channels: 8, height: 12, width: 13, filters: 16, size: 3, stride: 3, padding: 2),
    Shape(images: 2, channels: 18, height: 16, width: 16, filters: 16, size: 1),
    Shape(images: 2, channels: 32, height: 10, width: 10, filters: 32, size: 3, padding: 1),
    Shape(images: 2, channels: 8, height: 18, width: 18, filters: 32, size: 3, stride: 2),
    Shape(images: 2, channels: 16, height: 11, width: 10, filters: 16, size: 3, padding: 1),
    Shape(images: 1, channels: 16, height: 20, width: 12, filters: 16, size: 3, padding: 1),
  ]

  private static func text() -> String {
    shapes.enumerated().map { number, shape in
      let x = "f32[\(shape.images),\(shape.channels),\(shape.height),\(shape.width)]"
      let w = "f32[\(shape.filters),\(shape.channels / shape.groups),\(shape.size),\(shape.size)]"
      let y = "f32[\(shape.images),\(shape.filters),\(shape.rows),\(shape.columns)]"
      let padding = Array(repeating: "\(shape.padding)", count: 4).joined(separator: ",")
      return """
        func @f\(number)(%x: \(x), %w: \(w)) -> \(y) {
          %y = conv2d %x, %w {groups = \(shape.groups), padding = [\(padding)], \
        strides = [\(shape.stride),\(shape.stride)]} : \(y)
          return %y
        }
        """
    }.joined(separator: "\n")
  }

  /// A sum of products as docs/decisions/3-order-of-sums.md says: chains of at most 256 fused multiply-adds, which are
  /// whole inner axes and steps of the next one.
  private static func sum(_ extents: [Int], _ term: ([Int]) -> (Float, Float)) -> Float {
    var (inner, axis) = (1, extents.count)
    while axis > 0, inner * extents[axis - 1] <= 256 {
      axis -= 1
      inner *= extents[axis]
    }
    let (length, turns) = axis == 0 ? (inner, inner) : (256 / inner * inner, extents[axis - 1] * inner)
    var (total, chain, position, index): (Float, Float, Int, [Int]) = (0, 0, 0, extents.map { _ in 0 })
    for _ in 0..<extents.reduce(1, *) {
      let (a, b) = term(index)
      chain = chain.addingProduct(a, b)
      position += 1
      if position % length == 0 || position == turns {
        total += chain
        chain = 0
      }
      if position == turns { position = 0 }
      var axis = extents.count - 1
      while axis >= 0 {
        index[axis] += 1
        if index[axis] < extents[axis] { break }
        index[axis] = 0
        axis -= 1
      }
    }
    return total
  }

  /// A tensor of four axes that is 0 outside.
  private struct Images {
    var elements: [Float]
    var shape: [Int]

    subscript(_ n: Int, _ c: Int, _ y: Int, _ x: Int) -> Float {
      guard y >= 0, y < shape[2], x >= 0, x < shape[3] else { return 0 }
      return elements[((n * shape[1] + c) * shape[2] + y) * shape[3] + x]
    }
  }

  private static func each(_ shape: [Int], _ element: (Int, Int, Int, Int) -> Float) -> [Float] {
    var result: [Float] = []
    for n in 0..<shape[0] {
      for c in 0..<shape[1] {
        for y in 0..<shape[2] { for x in 0..<shape[3] { result.append(element(n, c, y, x)) } }
      }
    }
    return result
  }

  private static func result(_ x: Images, _ w: Images, _ shape: Shape) -> [Float] {
    let (own, size) = (shape.channels / shape.groups, shape.size)
    return each([shape.images, shape.filters, shape.rows, shape.columns]) { n, o, i, j in
      let first = o / (shape.filters / shape.groups) * own
      return sum([own, size, size]) { k in
        let (y, z) = (i * shape.stride + k[1] - shape.padding, j * shape.stride + k[2] - shape.padding)
        return (x[n, first + k[0], y, z], w[o, k[0], k[1], k[2]])
      }
    }
  }

  /// The gradient of the filters sums over images and places.
  private static func filters(_ x: Images, _ slopes: Images, _ w: Images, _ shape: Shape) -> [Float] {
    each(w.shape) { o, c, p, q in
      let first = o / (shape.filters / shape.groups) * (shape.channels / shape.groups)
      return sum([shape.images, shape.rows, shape.columns]) { k in
        let (y, z) = (k[1] * shape.stride + p - shape.padding, k[2] * shape.stride + q - shape.padding)
        return (slopes[k[0], o, k[1], k[2]], x[k[0], first + c, y, z])
      }
    }
  }

  /// The gradient of the images sums over filters and the whole steps of a filter that meet an element, last one first.
  private static func images(_ slopes: Images, _ w: Images, _ x: Images, _ shape: Shape) -> [Float] {
    let (own, stride, padding) = (shape.filters / shape.groups, shape.stride, shape.padding)
    let least = -((padding + stride - 1) / stride)
    let most = Int((Double(shape.size - 1 - padding) / Double(stride)).rounded(.down))
    let steps = most - least + 1
    return each(x.shape) { n, c, i, j in
      let group = c / (shape.channels / shape.groups)
      return sum([own, steps, steps]) { k in
        let (v, u) = (most - k[1], most - k[2])
        let (y, z) = (i / stride - v, j / stride - u)
        let (p, q) = (stride * v + i % stride + padding, stride * u + j % stride + padding)
        return (
          slopes[n, group * own + k[0], y, z],
          w[group * own + k[0], c % (shape.channels / shape.groups), p, q]
        )
      }
    }
  }

  /// Instruction sets, and the form for compilers without vector types.
  private static let targets: [[String]] = [
    ["-O3", "-march=native"], ["-O2", "-mavx2", "-mfma"], ["-O2", "-march=native", "-DM_PLAIN_VECTORS"],
  ]

  @Test func allTargetsHaveTheBits() throws {
    var subject = try Subject(Self.text(), file: "convolutions.sluice").module
    for number in Self.shapes.indices {
      subject = try addVjp(of: #require(subject.function("f\(number)")), to: subject)
    }
    let plan = try Subject(subject).plan(level: .full)
    #expect(PlanChecker().check(plan).isEmpty)
    var random = SeededRandom(5)
    let cases = Self.shapes.map { shape in
      let all = [
        [shape.images, shape.channels, shape.height, shape.width],
        [shape.filters, shape.channels / shape.groups, shape.size, shape.size],
        [shape.images, shape.filters, shape.rows, shape.columns],
      ].map { random.tensor(.f32, $0) }
      let (x, w, g) = (
        Images(elements: all[0].floats(), shape: all[0].shape),
        Images(elements: all[1].floats(), shape: all[1].shape),
        Images(elements: all[2].floats(), shape: all[2].shape)
      )
      return (
        shape: shape, inputs: all,
        expected: [
          Self.result(x, w, shape), Self.images(g, w, x, shape), Self.filters(x, g, w, shape),
        ]
      )
    }
    for target in Self.targets {
      for build in Build.fast {
        var options = build.options()
        options.optimisation = target
        guard let model = try? CompiledModel(plan, parameters: [], states: [], options: options) else {
          // Not every machine has every instruction set.
          #expect(target.contains("-mavx2"))
          continue
        }
        for (number, one) in cases.enumerated() {
          let results = try model.run("f\(number).vjp", inputs: one.inputs)
          let wanted = zip([2, 0, 1], one.expected).map {
            HostTensor($0.1, shape: one.inputs[$0.0].shape)
          }
          for (name, (found, right)) in zip(["result", "images", "filters"], zip(results, wanted)) {
            #expect(found.words == right.words, "\(name) of \(one.shape), \(build) \(target)")
          }
        }
      }
    }
  }
}
