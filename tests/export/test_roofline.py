"""Multiply-adds and bytes of a file, as counted from the network."""

from export import flatbuffer
from export.convert import convert
from export.roofline import moved_bytes, multiply_adds
from keras_matting.models import operations, without_heads

SIZE = (32, 48)


def test_a_file_has_the_multiply_adds_of_its_network(new_network, pictures):
    network = new_network(SIZE)
    data = convert(network, "int8", {"image": pictures(2, seed=1, size=SIZE)})
    parsed = flatbuffer.parse(data)
    (graph,) = parsed.subgraphs
    found = multiply_adds(graph, lambda operator: flatbuffer.operator_name(parsed, operator))
    assert found == operations.multiply_adds(without_heads(network))
    # at least the image, which two operators read, and each map twice
    assert moved_bytes(graph) > 2 * 3 * 32 * 48 + 2 * 8 * 16 * 24
