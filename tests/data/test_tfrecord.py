"""Records and examples are TensorFlow's, byte for byte."""

import pytest
import tensorflow as tf

from keras_srgan.data.shards.tfrecord import decode_example, encode_example, unwrap_record, wrap_record


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 511, 512, 513, 1536, 5000, 70001])
def test_framed_records_are_tensorflows_byte_for_byte(size, rng, tmp_path):
    data = rng.bytes(size)
    with tf.io.TFRecordWriter(str(tmp_path / "a")) as writer:
        writer.write(data)
    assert (tmp_path / "a").read_bytes() == wrap_record(data)
    assert bytes(unwrap_record(wrap_record(data))) == data


def test_every_flipped_bit_of_a_record_is_found(rng):
    record = wrap_record(rng.bytes(700))
    for bit in rng.integers(8 * len(record), size=200):
        wrong = bytearray(record)
        wrong[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match="checksum"):
            unwrap_record(bytes(wrong))
    with pytest.raises(ValueError, match="cut short"):
        unwrap_record(record[:10])


def test_examples_are_tensorflows():
    features = {"image": b"\x00\xff" * 300, "name": "é/a.png", "height": 3, "max_value": 65535, "zero": 0}
    example = tf.train.Example.FromString(encode_example(features))
    found = example.features.feature
    assert found["image"].bytes_list.value[0] == features["image"]
    assert found["name"].bytes_list.value[0].decode() == "é/a.png"
    assert [found[name].int64_list.value[0] for name in ("height", "max_value", "zero")] == [3, 65535, 0]
    back = decode_example(memoryview(example.SerializeToString()))
    assert {name: each if isinstance(each, int) else bytes(each) for name, each in back.items()} == features | {
        "name": "é/a.png".encode()
    }
    for wrong in (b"", b"\x0a", b"\x0a\x05ab", b"\x08\x01"):
        with pytest.raises(ValueError, match="not a tf.train.Example"):
            decode_example(memoryview(wrong))
