"""Beats that are sent again: held once, and the same as if they were laid out."""

import numpy as np

from gemmule.gen.repeated import Repeated, parts_of


def test_a_repeated_stream_is_the_array_that_it_stands_for():
    first, second = np.array([[1], [2]], np.uint32), np.array([[3]], np.uint32)
    beats = Repeated([(first, 2), (second, 0), (second, 1)])
    assert len(beats) == 5
    assert np.asarray(beats).ravel().tolist() == [1, 2, 1, 2, 3]
    assert beats[-1:].tolist() == [[3]]
    assert beats.shape == (5, 1)
    for low in range(6):
        for high in range(6):
            assert beats[low:high].tolist() == np.asarray(beats)[low:high].tolist()
    both = Repeated.joined([beats, second])
    assert np.concatenate([beats, second]).tolist() == np.asarray(both).tolist()
    assert sum(len(part) * times for part, times in parts_of(both)) == 6


def test_a_packet_ends_once():
    tile = np.array([[1, 0], [2, 0]], np.uint32)
    packet = np.asarray(Repeated.packet([(tile, 3)], last=33))
    assert packet[:, 0].tolist() == [1, 2, 1, 2, 1, 2]
    assert packet[:, 1].tolist() == [0, 0, 0, 0, 0, 2]


def test_none_at_all():
    none = Repeated.joined([np.zeros((0, 3), np.uint32)] * 2)
    assert np.asarray(none).shape == none.shape == (0, 3)
