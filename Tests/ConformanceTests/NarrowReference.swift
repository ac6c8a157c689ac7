// Checksums of 65536 casts each; made by Tools/oracle/narrow_reference.py.

extension NarrowTests {
  /// FNV-1a over the bits of the results of every cast from or to f16 and bf16.
  static let checksums: [String: UInt64] = [
    "f32_f16": 0xbf271c2163abd158,
    "f32_bf16": 0xa1643a399dd2439f,
    "f64_f16": 0x3625e3734c815a07,
    "f64_bf16": 0x25fc62eab48a1ec0,
    "i32_f16": 0xa52e8eb9cdb266ed,
    "i32_bf16": 0xa986ade76737b087,
    "i64_f16": 0xe6dc3dd2f6da0183,
    "i64_bf16": 0x8d2c59ac07a52814,
    "u8_f16": 0x4f89f8da34d22325,
    "u8_bf16": 0x31d73c01f9a9a325,
    "bool_f16": 0x05b3a46705b62325,
    "bool_bf16": 0x7d6518a7adb62325,
    "f16_f32": 0xa29fcd307f1d2325,
    "f16_f64": 0x5133ed2ea5b62325,
    "f16_i32": 0xb2e9ba58a7e41e5a,
    "f16_i64": 0x750b9d2ca7e41e5a,
    "f16_u8": 0x222b39fd17fc2bda,
    "f16_bool": 0x1d5b6e42cd342325,
    "f16_bf16": 0xeadfcb9890c89725,
    "bf16_f32": 0xae864f38855e2325,
    "bf16_f64": 0x8b9c452ea5b62325,
    "bf16_i32": 0xb51dcb4dc526571a,
    "bf16_i64": 0x7b49407f81c6671a,
    "bf16_u8": 0xadc89b6925d5e35a,
    "bf16_bool": 0x1d5b6e42cd342325,
    "bf16_f16": 0xf8b941bc0d08bae5,
  ]
}
