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
