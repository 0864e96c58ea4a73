"""What is done to a run in which order, by a seed?"""

from pathlib import Path
from random import Random

from faults.campaign import Campaign, Lost
from faults.cluster import FragileCluster
from faults.records import Record
from faults.small_disk import small_disk
from faults.world import copy_run, sound_artifacts

KILLED = ("whole group", "parent alone", "one worker")


def play(campaign: Campaign, unfinished: list[Path], *, steps: int) -> list[Record]:
    """Hit a run several times, bring it to its end, and return what became of each fault.

    unfinished: run folders to begin with, to which those that were killed are added.
    """
    world, chance = campaign.world, campaign.chance
    if campaign.state == "finished":
        copy_run(world.finished, campaign.run)
    elif campaign.state == "unfinished" and unfinished:
        copy_run(chance.choice(unfinished), campaign.run)
    else:
        campaign.state = "new"
    campaign.kept = sound_artifacts(campaign.run)
    try:
        (_hit_finished if campaign.state == "finished" else _hit_unfinished)(
            campaign, unfinished, steps
        )
    except Lost as lost:
        campaign.settle("lost", str(lost))
    return campaign.records


def _hit_finished(campaign: Campaign, unfinished: list[Path], steps: int) -> None:
    for _ in range(steps):
        campaign.damage()
        if campaign.chance.random() < 0.3:
            campaign.kill(*_a_kill(campaign))
        if campaign.chance.random() < 0.05:
            campaign.pending.append(("clock wrong", "", ""))
            campaign.resume(whole=False, clock=_a_skew(campaign.chance))
        else:
            campaign.resume(whole=campaign.chance.random() < 0.5)


def _hit_unfinished(campaign: Campaign, unfinished: list[Path], steps: int) -> None:
    chance = campaign.chance
    for _ in range(steps):
        draw = chance.random()
        if draw < 0.08:
            after = _a_while(campaign)
            campaign.freeze(chance.choice(KILLED), after, chance.uniform(0.2, 2.5))
        elif draw < 0.15:
            campaign.pending.append(("clock wrong", "", ""))
            campaign.kill(*_a_kill(campaign), clock=_a_skew(chance))
        else:
            if draw > 0.6 and any(campaign.run.glob("**/*.*")):
                campaign.damage()
            campaign.kill(*_a_kill(campaign))
            if chance.random() < 0.1:
                _keep(campaign, unfinished)
    campaign.resume(whole=chance.random() < 0.15)


def play_on_small_disk(campaign: Campaign) -> list[Record]:
    """Run a study on a disk that is too small, make room when told so, and compare."""
    chance = campaign.chance
    files = sum(1 for _ in campaign.world.finished.rglob("*"))
    size = sum(len(content) for content in campaign.world.whole.values()) // 1024
    of_files = chance.random() < 0.5
    share = chance.uniform(0.02, 0.9)
    room = f"nr_inodes={4 + int(files * share)}" if of_files else f"size={20 + int(size * share)}k"
    with small_disk(campaign.place / "disk", room) as disk:
        campaign.run = campaign.place / "disk" / "run"
        try:
            campaign.fill(disk)
            campaign.resume(whole=chance.random() < 0.3)
        except Lost as lost:
            campaign.settle("lost", str(lost))
    return campaign.records


def play_on_cluster(campaign: Campaign, cluster: FragileCluster) -> list[Record]:
    """Let a cluster lose workers and nodes, and the command be killed, and compare."""
    chance = campaign.chance
    try:
        for _ in range(2):
            campaign.kill(chance.choice(KILLED[:2]), chance.uniform(1, 12))
            if chance.random() < 0.5 and any(campaign.run.glob("**/*.*")):
                campaign.damage()
            campaign.lose("Ray worker", cluster.kill_worker, chance.uniform(1, 6))
        campaign.lose("Ray node", cluster.kill_node, chance.uniform(1, 6))
        if chance.random() < 0.5:
            campaign.lose("Ray head", cluster.kill_head, chance.uniform(1, 6), times=1)
            cluster.end()
            cluster.begin()
            campaign.options = cluster.options
        campaign.resume(whole=False)
    except Lost as lost:
        campaign.settle("lost", str(lost))
    return campaign.records


def _keep(campaign: Campaign, unfinished: list[Path]) -> None:
    """Keep a copy of an unfinished run that nothing has damaged, for other campaigns."""
    if campaign.damages or not campaign.run.exists():
        return
    target = campaign.world.folder / f"unfinished-{len(unfinished)}"
    if len(unfinished) < 20:
        copy_run(campaign.run, target)
        unfinished.append(target)


def _a_while(campaign: Campaign) -> float:
    """Return after how many seconds to strike: from at once to the time of a whole study."""
    return campaign.world.seconds * 10 ** campaign.chance.uniform(-2, 0.1)


def _a_kill(campaign: Campaign) -> tuple[str, float]:
    who = campaign.chance.choice(KILLED if campaign.workers > 1 else KILLED[:1])
    return who, _a_while(campaign)


def _a_skew(chance: Random) -> float:
    return chance.choice([-1, 1]) * 10 ** chance.uniform(2, 8.5)
