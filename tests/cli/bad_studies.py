"""What can be wrong with a study, a recipe or a run, and what must its user be told?"""

from cli.world import IMAGE, Bad, append, cut, paint, replace, write

RUN = "run tiny.yaml --out out --workers 1"

STUDIES = {
    "a recipe that is not there": Bad("run absent.yaml", ("absent.yaml", "does not exist")),
    "a recipe that is a folder": Bad("run set", ("set", "is a folder")),
    "a recipe that is not YAML": Bad(RUN, ("tiny.yaml", "not YAML"), write("tiny.yaml", "a: [")),
    "a recipe that is no text": Bad(RUN, ("tiny.yaml", "UTF-8"), write("tiny.yaml", b"\xff\xfe\0")),
    "a recipe without settings": Bad(RUN, ("tiny.yaml", "mapping"), write("tiny.yaml", "- 1")),
    "an empty recipe": Bad(RUN, ("tiny.yaml", "mapping"), write("tiny.yaml", "")),
    "a recipe with half its settings": Bad(
        RUN, ("network is missing",), write("tiny.yaml", "name: x")
    ),
    "an unknown key": Bad(f"{RUN} --set trainning.to=3ep", ("trainning", 'mean "training"')),
    "an unknown key within a group": Bad(
        f"{RUN} --set training.learning_rat=1", ("learning_rat ", 'mean "learning_rate"')
    ),
    "an unknown key of a strategy": Bad(
        f"{RUN} --set pruning.strategies.lottery.level=1", ("lottery.level ", 'mean "levels"')
    ),
    "a word for a number": Bad(f"{RUN} --set training.learning_rate=fast", ("'fast'", "number")),
    "a negative rate": Bad(f"{RUN} --set training.learning_rate=-1", ("-1", "greater than 0")),
    "a rate that is no number": Bad(f"{RUN} --set training.learning_rate=.nan", ("nan", "finite")),
    "a step in other words": Bad(f"{RUN} --set training.to=5epochs", ("5epochs", "5ep")),
    "a step to rewind to at the end": Bad(
        f"{RUN} --set pruning.rewind_to=2ep", ("pruning.rewind_to", "before the end")
    ),
    "AdamW with momentum": Bad(
        f"{RUN} --set training.optimizer=adamw --set training.momentum=0.9",
        ("training", "momentum", '"sgd"', "leave them out"),
    ),
    "betas without AdamW": Bad(f"{RUN} --set training.betas=[0.9,0.99]", ("betas", '"adamw"')),
    "more training images than there are": Bad(
        f"{RUN} --set data.limit=9999", ("data.limit is 9,999", "has 10 images")
    ),
    "fewer training images than classes": Bad(
        f"{RUN} --set data.limit=3", ("data.limit is 3", "10 classes")
    ),
    "no training images": Bad(f"{RUN} --set data.limit=0", ("data.limit is 0", "equal to 1")),
    "more wrong labels than there are": Bad(
        f"{RUN} --set data.label_noise=1.5", ("label_noise is 1.5", "equal to 1")
    ),
    "images mixed without a share": Bad(f"{RUN} --set training.mixup=0", ("mixup is 0",)),
    "images mixed with nothing": Bad(
        f"{RUN} --set training.cutmix=1 --set training.batch_size=1", ("cutmix", "batch_size is 1")
    ),
    "an average that never moves": Bad(f"{RUN} --set training.ema=1", ("ema is 1", "less than 1")),
    "a gradient of no length": Bad(f"{RUN} --set training.clip_norm=0", ("clip_norm is 0",)),
    "statistics from no batch": Bad(f"{RUN} --set training.recalibrate=0", ("recalibrate is 0",)),
    "weights kept at every step of none": Bad(
        f"{RUN} --set training.keep_checkpoints=0it", ("keep_checkpoints is 0it", "above 0")
    ),
    "a tracker that nearly exists": Bad(
        f"{RUN} --set training.track=tensorbord", ("no tracker", 'mean "tensorboard"')
    ),
    "a part that the study does not have": Bad(
        f"{RUN} --only replicate=9", ("--only replicate=9", "no such replicate", "it has 0")
    ),
    "a part by a name that is none": Bad(f"{RUN} --only levels=1", ("replicate=1", '"level"')),
    "an engine that is not there": Bad(f"{RUN} --engine locl", ("locl", "local")),
    "a run to merge by itself": Bad("merge run --out merged", ("two or more",)),
    "runs merged into one of them": Bad("merge run run --out run", ("is a run already",)),
    "a folder merged as a run": Bad("merge run set --out merged", ("is not a run folder",)),
    "a fraction of all": Bad(
        f"{RUN} --set pruning.strategies.lottery.fraction=1", ("fraction", "less than 1")
    ),
    "no levels": Bad(f"{RUN} --set pruning.strategies.lottery.levels=0", ("levels", "0")),
    "more levels than weights": Bad(
        f"{RUN} --set 'pruning.strategies.lottery={{levels: 9, fraction: 0.9}}'",
        ("no weight", "fewer levels"),
    ),
    "a step that is none to rewind to": Bad(
        "instability tiny.yaml --at soon --out out", ('"soon" is not a step', "2ep30it")
    ),
    "no step to rewind to": Bad(
        "instability tiny.yaml --at '' --out out", ("not a step", "2ep30it")
    ),
    "the end to rewind to": Bad(
        "instability tiny.yaml --at 2ep --out out", ("2ep is not before the end",)
    ),
    "densities that do not fall": Bad(
        f"{RUN} --set 'pruning.strategies.lottery={{densities: [0.2, 0.5]}}'",
        ("lottery", "densities do not fall", "0.5 comes after 0.2"),
    ),
    "a density of nothing": Bad(
        f"{RUN} --set 'pruning.strategies.lottery={{densities: [0.5, 0]}}'",
        ("densities", "greater than 0"),
    ),
    "a density that rounds to no weight": Bad(
        f"{RUN} --set 'pruning.strategies.lottery={{densities: [0.0000001]}}'",
        ("density of 1e-07", "leaves none", "larger"),
    ),
    "a criterion of a strategy that nearly exists": Bad(
        f"{RUN} --set pruning.strategies.lottery.criterion=snipp", ("snipp", 'did you mean "snip"')
    ),
    "masks of a strategy that is not there": Bad(
        f"{RUN} --set 'pruning.strategies.other={{levels: 1, of: lotery}}'",
        ("lotery", 'did you mean "lottery"'),
    ),
    "masks of a replicate that is not there": Bad(
        f"{RUN} --set "
        "'pruning.strategies.other={levels: 1, of: {strategy: lottery, replicate: 7}}'",
        ("replicate 7", "from 0 on"),
    ),
    "masks in a circle": Bad(
        f"{RUN} --set 'pruning.strategies={{a: {{levels: 1, of: b}}, b: {{levels: 1, of: a}}}}'",
        ("circle",),
    ),
    "more levels than there are masks": Bad(
        f"{RUN} --set 'pruning.strategies.other={{levels: 9, of: lottery}}'",
        ("has 9 levels", "lottery"),
    ),
    "masks shuffled of nobody": Bad(
        f"{RUN} --set pruning.strategies.lottery.criterion=shuffled", ("shuffled", "name it as of")
    ),
    "a loss on more images than there are": Bad(
        f"{RUN} --set 'pruning.strategies.lottery={{criterion: snip, levels: 1, "
        "score_images: 1000000}'",
        ("score_images is 1,000,000", "training image", "fewer"),
    ),
    "fine-tuning without a rate": Bad(
        f"{RUN} --set pruning.strategies.lottery.recovery=finetune", ("learning_rate", "steps")
    ),
    "a budget for rewinding": Bad(
        f"{RUN} --set pruning.strategies.lottery.budget=compute", ("budget", '"scratch"')
    ),
    "patterns that match no tensor": Bad(
        f"{RUN} --set 'pruning.prunable={{include: [layre1.*]}}'", ("layre1.*", "matches no weight")
    ),
    "patterns that leave nothing out": Bad(
        f"{RUN} --set 'pruning.prunable={{include: [\"*\"]}}'", ("nothing is left out",)
    ),
    "two of four levels of 2:4": Bad(
        f"{RUN} --set 'pruning.strategies.lottery={{structure: \"2:4\", levels: 2}}'",
        ("2:4", "prunes once"),
    ),
    "a strategy by a name of ours": Bad(
        f"{RUN} --set pruning.strategies.dense.levels=1", ('"dense"', "cannot name")
    ),
    "an unknown convention of prunable": Bad(
        f"{RUN} --set pruning.prunable=convs", ("convs", "conv+shortcut")
    ),
    "a setting without a value": Bad(f"{RUN} --set seed", ("seed", "a.b=c")),
    "a setting within a value": Bad(
        f"{RUN} --set network.name=x", ("network.name", "holds no settings")
    ),
    "a name that is a path": Bad(f"{RUN} --set name=../x", ("name", "../x")),
    "a network that nearly exists": Bad(
        f"{RUN} --set network=cifar_resnet21", ("cifar_resnet21", "did you mean", "cifar_resnet20")
    ),
    "data that is not there": Bad(
        f"{RUN} --set data.source=./no/set", ("no/set", "does not exist")
    ),
    "a split that is not there": Bad(
        f"{RUN} --set data.train_split=trian", ("trian", 'mean "train"')
    ),
    "a photograph cut short": Bad(RUN, ("aeroplane/0000.png",), cut(IMAGE)),
    "photographs of two sizes": Bad(
        RUN, ("balloon/0000.png", "16 x 16", "resolution"), paint(IMAGE, 16, 16, 3)
    ),
    "concepts that are not there": Bad(
        f"{RUN} --set concepts.source=broden:no", ("no folder", "/no")
    ),
    "a layer of a study that nearly exists": Bad(
        f"{RUN} --set dissection.layers=[layre3]", ("layre3", 'mean "layer3"')
    ),
    "a batch that leaves one image": Bad(
        f"{RUN} --set training.batch_size=9 --set network=torchvision:resnet18",
        ("batch_size is 9", "one image"),
    ),
    "an engine that does not exist": Bad(f"{RUN} --engine rya", ("rya", "local")),
    "a cluster's address for this machine": Bad(
        f"{RUN} --address 127.0.0.1:6379", ("127.0.0.1:6379", "--engine ray")
    ),
    "no workers": Bad("run tiny.yaml --out out --workers 0", ("--workers", "equal to 1")),
    "a run into a folder of other things": Bad(
        "run tiny.yaml --out letters", ("letters", "neither empty nor a run folder", "--out")
    ),
    "a dry run into a folder of other things": Bad(
        "run tiny.yaml --out letters --dry-run", ("neither empty nor a run folder",)
    ),
    "a run into a file": Bad("run tiny.yaml --out table.csv", ("table.csv is a file", "--out")),
    "a run below a file": Bad("run tiny.yaml --out table.csv/x", ("table.csv", "--out")),
    "a demo into a folder of other things": Bad(
        "demo --out letters", ("letters", "neither empty nor a run folder")
    ),
    "a demo into a file": Bad("demo --out table.csv", ("table.csv is a file",)),
    "the status of no run": Bad("status letters", ("letters", "not a run folder")),
    "the status of nothing": Bad("status absent", ("absent", "not a run folder")),
    "the status of a damaged recipe": Bad(
        "status run", ("study.yaml", "speed"), append("run/study.yaml", "speed: 3\n")
    ),
    "the report of no run": Bad("report letters", ("letters", "not a run folder")),
    "the report of an unfinished run": Bad("report run", ("no finished level", "run the study")),
    "a report without its data": Bad(
        "report run",
        ("gone/images", "does not exist"),
        replace("run/study.yaml", "set/images", "gone/images"),
    ),
    "a schema of something": Bad("schema run", ("unexpected", "run")),
}
