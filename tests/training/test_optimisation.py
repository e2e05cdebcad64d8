import math

import pytest
import torch

from intarsia.models import build_model, encoder_of
from intarsia.recipe import ScheduleSection, TrainSection
from intarsia.training.optimisation import (
    Schedule,
    build_optimizer,
    frequency_weights,
    set_rates,
    update_average,
)


def test_one_cycle_is_torchs_one_cycle():
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    reference = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        1.0,
        total_steps=101,
        pct_start=0.2,
        cycle_momentum=False,
    )
    schedule = Schedule(ScheduleSection(name="one-cycle", warmup=0.2), 1, 101)
    peak = max(schedule.factor(step) for step in range(101))
    assert peak == pytest.approx(1.0, abs=0.01)
    assert schedule.factor(0) == pytest.approx(optimizer.param_groups[0]["lr"])
    for step in range(1, 101):
        optimizer.step()
        reference.step()
        # torch turns one step earlier (pct_start * total - 1)
        assert schedule.factor(step) == pytest.approx(optimizer.param_groups[0]["lr"], abs=0.05)
    assert schedule.factor(100) == pytest.approx(optimizer.param_groups[0]["lr"])


def test_cosine_and_constant_by_hand():
    cosine = Schedule(ScheduleSection(name="cosine"), 1, 100)
    assert cosine.factor(25) == pytest.approx((1 + math.cos(math.pi / 4)) / 2)
    constant = Schedule(ScheduleSection(name="constant", warmup=0.1), 1, 100)
    assert [constant.factor(s) for s in (0, 4, 9, 50)] == pytest.approx([0.1, 0.5, 1, 1])
    assert Schedule(ScheduleSection(name="constant", warmup=0), 1, 100).factor(0) == 1


def test_plateau_drops_after_validations_in_a_row_without_gain():
    section = ScheduleSection(name="plateau", plateau_factor=0.5, plateau_patience=1)
    schedule = Schedule(section, 1, 100)
    factors = []
    for value in (0.1, 0.2, 0.2, 0.3, 0.3, 0.3, 0.3):
        schedule.observe(value)
        factors.append(schedule.factor(0))
    # one stale value, then a gain, resets the count; two in a row drop
    assert factors == [1, 1, 1, 1, 1, 0.5, 0.5]
    other = Schedule(section, 1, 100)
    other.restore(schedule.state())
    other.observe(0.3)
    assert other.factor(0) == 0.25


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_the_encoder_has_its_own_rate_and_only_kernels_decay(name):
    model = build_model("unet-mobilenetv2", classes=2)
    optimizer = build_optimizer(
        model, TrainSection(optimizer=name, lr=0.01, encoder_lr_factor=0.1, weight_decay=0.5)
    )
    rates = {id(p): g["peak"] for g in optimizer.param_groups for p in g["params"]}
    decays = {id(p): g["weight_decay"] for g in optimizer.param_groups for p in g["params"]}
    inside = {id(p) for p in encoder_of(model).parameters()}
    assert len(rates) == len(list(model.parameters()))
    for parameter in model.parameters():
        assert rates[id(parameter)] == pytest.approx(0.001 if id(parameter) in inside else 0.01)
        assert decays[id(parameter)] == (0.5 if parameter.ndim > 1 else 0)
    assert set_rates(optimizer, 0.5) == pytest.approx(0.005)


def test_a_factor_of_zero_freezes_the_encoder():
    model = build_model("unet-mobilenetv2", classes=2)
    optimizer = build_optimizer(model, TrainSection(encoder_lr_factor=0))
    assert not any(p.requires_grad for p in encoder_of(model).parameters())
    assert len(optimizer.param_groups) == 2


def test_averages_by_hand():
    model, average = torch.nn.BatchNorm1d(1), torch.nn.BatchNorm1d(1)
    model.weight.data.fill_(11.0)
    model.num_batches_tracked.fill_(7)
    update_average(average, model, 0.9, step=0)  # weight 1 - min(.9, 1/10)
    assert average.weight.item() == pytest.approx(1 + 0.9 * 10)
    assert average.num_batches_tracked.item() == 7
    average.weight.data.fill_(1.0)
    update_average(average, model, 0.9, step=1000)
    assert average.weight.item() == pytest.approx(2.0)


def test_frequency_weights_by_hand():
    weights = frequency_weights(torch.tensor([900.0, 100.0, 0.0]), 0.5)
    share = torch.tensor([0.9, 0.1])
    raw = share**-0.5
    assert torch.allclose(weights[:2], raw / (raw * share).sum())
    assert weights[2] == weights[1]
    assert torch.equal(frequency_weights(torch.tensor([3.0, 5.0]), 0.0), torch.ones(2))
