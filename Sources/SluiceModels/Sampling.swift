import Sluice

/// Draws one token a row from softmax(logits / temperature), cut to what is likely.
///
/// Only the `topK` most likely tokens count (Fan, Lewis, Dauphin 2018, "Hierarchical neural story generation", section
/// 5.1), and of those the fewest whose probabilities come to `topP` (Holtzman et al. 2020, "The curious case of neural
/// text degeneration", section 3.1); the most likely one always does. A temperature of 0 always takes that one.
///
/// - Parameters:
///   - logits: f32 `[B, V]`.
///   - temperature: f32 `[]`, not negative.
///   - topK: i32 `[]`; V or more for no limit.
///   - topP: f32 `[]`; 1 for no limit.
///   - seed: i64 `[]`.
///   - stream: i64 `[]`; draws that must differ have different ones.
/// - Returns: i32 `[B]`.
func sample(
  _ logits: Tensor, temperature: Tensor, topK: Tensor, topP: Tensor, seed: Tensor, stream: Tensor
) -> Tensor {
  let order = argsort(logits, descending: true)  // [B, V]
  let sorted = takeAlongAxis(logits, order)
  let scaled = (sorted - sorted[.all, 0..<1]) / maximum(temperature, 1e-6)
  let rank = iota([logits.shape[1]])
  let likely = softmax(select(where: rank .< maximum(topK, 1), scaled, -Double.infinity))
  let isKept = (cumsum(likely, exclusive: true) .< topP) .| (rank .== 0)
  let sums = cumsum(select(where: isKept, likely, 0))
  // The first token at which the sum exceeds a random part of the whole.
  let part = uniform([logits.shape[0], 1], seed: seed, stream: stream) * sums[.all, -1].expanded(-1)
  let chosen = (sums .<= part).cast(.i32).sum(axes: [1], keepDims: true)
  let last = isKept.cast(.i32).sum(axes: [1], keepDims: true) - 1
  return takeAlongAxis(order, minimum(chosen, last)).squeezed(1)
}
