"""The streaming benchmark: its plain senders are what they say, and we are as good as the best."""

from __future__ import annotations

import pytest

from benchmarks import stream
from benchmarks.senders import PLANNER_BLOCKS, SENDERS, board, curve, plain_sender
from tests.support.kill_trials import kill


def test_the_streamer_keeps_up_with_character_counting() -> None:
    flat = stream.throughput(600)
    assert flat["throughput_vs_character_counting"] >= 0.98
    assert flat["throughput_vs_send_response"] > 1.2
    assert flat["min_planner_blocks_steady"] >= 12


def test_a_window_beyond_the_buffer_is_seen() -> None:
    lines, machine = curve(300), board()
    assert SENDERS["send-response"](lines, machine).least_blocks < PLANNER_BLOCKS // 2
    assert all(send(lines, machine).overruns == 0 for send in SENDERS.values())
    with pytest.raises(RuntimeError, match="waits for ever"):  # a lost line end loses an answer
        plain_sender(lines, machine, 200)


def test_no_schedule_of_delays_overruns_a_window() -> None:
    assert stream.overruns(10)["window_overruns"] == 0.0


def test_a_drawing_cut_off_is_complete_after_it_was_resumed() -> None:
    ends = [kill(seed) for seed in range(6)]
    assert any(end.cut for end in ends)
    assert all(end.complete for end in ends)
