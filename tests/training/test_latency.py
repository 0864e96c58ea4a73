"""Are networks timed in turns, as they compute, and left as they were?"""

import torch
from torch import nn

from prunescope.training.latency import time_in_turns


class Recording(nn.Module):
    """Notes in a list, which others share, that it was shown a batch, and in which mode."""

    def __init__(self, name, calls):
        super().__init__()
        self.name, self.calls = name, calls
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, pixels):
        self.calls.append((self.name, self.training, torch.is_inference_mode_enabled()))
        return self.weight.expand(len(pixels), 3)


def timed(rounds, recorder=None):
    calls = []
    networks = [Recording(name, calls).train() for name in "ab"]
    options = {} if recorder is None else {"progress": recorder}
    batches = [torch.zeros(1, 3, 4, 4)] * 2
    seconds = time_in_turns(
        networks, batches, rounds=rounds, precision="float32", classes=3, **options
    )
    return networks, calls, seconds


def test_every_round_times_each_network_once_and_the_order_turns_around():
    _, calls, seconds = timed(4)
    order = "".join(name for name, _, _ in calls)
    assert order == "ba" + "abba" * 3  # three rounds go before the four
    assert [len(each) for each in seconds] == [4, 4]
    assert all(second > 0 for each in seconds for second in each)


def test_networks_are_timed_in_evaluation_mode_and_left_in_theirs():
    networks, calls, _ = timed(1)
    assert {call[1:] for call in calls} == {(False, True)}
    assert all(network.training for network in networks)
    networks[0](torch.zeros(1, 3, 4, 4)).sum().backward()


def test_progress_counts_the_rounds(recorder):
    timed(2, recorder)
    assert recorder.tasks == [("timing", 5)]
