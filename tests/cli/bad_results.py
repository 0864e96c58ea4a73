"""What can be wrong with a result, or with another tool's rules, and what must its user be told?"""

from cli.world import NETWORK, TABLE, Bad, cut, remove, write

LOADED = f"{NETWORK} --weights dense.pth --num-classes 10"
BY_EACH = f"conventions {LOADED} --layer layer3 --concepts broden:set --quantile 0.02"

RESULTS = {
    "a summary of nothing": Bad("summary absent", ("absent", "missing")),
    "a summary of other things": Bad("summary letters", ("letters", "units.parquet")),
    "a summary of a table of other things": Bad(
        "summary table.csv", ("table.csv",), write("table.csv", "a,b\n1,2\n")
    ),
    "a summary of a damaged dissection": Bad(
        "summary A", ("units.parquet", "checksum"), cut("A/layer4/units.parquet")
    ),
    "a unit that is not there": Bad("unit A 4096", ("unit 4096", "layer4")),
    "a unit of nothing": Bad("unit absent 0", ("absent",)),
    "a unit of a layer that is not there": Bad("unit A 0 --layer layer5", ("layer5", "layer4")),
    "a unit that is no number": Bad("unit A cat", ("UNIT", "integer")),
    "a concept that is not there": Bad("concept A catt", ("catt",)),
    "a concept of a damaged dissection": Bad(
        "concept A cat", ("overlap.safetensors",), cut("A/layer4/overlap.safetensors")
    ),
    "a summary at an IoU above 1": Bad("summary A --iou 1.5", ("--iou", "equal to 1")),
    "a summary with fewer draws than none": Bad("summary A --draws -1", ("--draws", "equal to 0")),
    "a summary of a run with draws": Bad("summary run --draws 9", ("--draws", "run", "levels")),
    "a comparison with part of a draw": Bad(
        "compare A B --draws 1.5 --out C", ("--draws", "integer")
    ),
    "a comparison with more draws than can be": Bad(
        "compare A B --draws 1000000 --out C", ("--draws", "equal to 100000")
    ),
    "a comparison of runs with draws": Bad(
        "compare run run --draws 9 --out C", ("two runs", "draws")
    ),
    "a comparison with nothing": Bad("compare A absent --out C", ("absent", "missing")),
    "a comparison on another set": Bad("compare A other_set --out C", ("another set",)),
    "a comparison of other layers": Bad("compare A elsewhere --out C", ("layer4", "layer3")),
    "a comparison of a layer that nearly exists": Bad(
        "compare A B --layer layr4 --out C", ("layr4", 'mean "layer4"')
    ),
    "a comparison by number of other numbers": Bad(
        "compare A narrow --match identity --out C", ("2 units", "1")
    ),
    "a comparison of tables by profile": Bad(
        "compare table.csv table.csv --match profile --out C", ("profiles", "--match concept")
    ),
    "a comparison by no rule": Bad("compare A B --match name", ("--match", "identity")),
    "a comparison at an IoU above 1": Bad("compare A B --iou 2", ("iou is 2.0", "[0, 1]")),
    "a run beside a dissection": Bad("compare run A --out C", ("run", "level")),
    "a comparison into other things": Bad("compare A B --out letters", ("letter.txt", "--out")),
    "a comparison into a file": Bad("compare A B --out table.csv", ("table.csv", "--out")),
    "a damaged table of counts": Bad(
        "compare A B --match profile --out C",
        ("overlap.safetensors",),
        cut("A/layer4/overlap.safetensors"),
    ),
    "a damaged summary": Bad(
        "compare A B --out C", ("summary.json",), write("A/layer4/summary.json", "{")
    ),
    "a half table of Network Dissection": Bad(
        "summary table.csv", ("table.csv",), write("table.csv", TABLE[:60])
    ),
}

CONVENTIONS = {
    "a convention that nearly exists": Bad(
        f"{BY_EACH} --convention exact --convention exakt --out out",
        ("exakt", 'mean "exact"', "netdissect, lite, quick"),
    ),
    "one convention alone": Bad(f"{BY_EACH} --convention lite --out out", ("lite", "two or more")),
    "a convention twice": Bad(
        f"{BY_EACH} --convention lite --convention lite --out out", ("lite, lite", "each once")
    ),
    "a category that nearly exists": Bad(
        f"{BY_EACH} --categories materials --out out", ("materials", 'mean "material"')
    ),
    "conventions into a file": Bad(f"{BY_EACH} --out table.csv", ("table.csv", "--out")),
    "conventions into a folder of other things": Bad(
        f"{BY_EACH} --out .",
        ("exact", "letter.txt"),
        write("exact/letter.txt", "dear"),
    ),
}

EXPORT = {
    "of nothing": Bad("export absent --out x.csv", ("absent", "missing")),
    "of a folder of other things": Bad("export letters --out x.csv", ("letters", "units.parquet")),
    "of a file": Bad("export table.csv --out x.csv", ("table.csv is a file", "folder")),
    "of a whole run": Bad("export run --out x.csv", ("run is a whole run", "level")),
    "of a layer that nearly exists": Bad(
        "export A --layer layr4 --out x.csv", ("layr4", 'mean "layer4"')
    ),
    "of a dissection without its counts": Bad(
        "export A --out x.csv", ("overlap.safetensors",), remove("A/layer4/overlap.safetensors")
    ),
    "of a damaged dissection": Bad(
        "export A --out x.csv", ("units.parquet", "checksum"), cut("A/layer4/units.parquet")
    ),
    "for a tool that is not known": Bad(
        "export A --format lite --out x.csv", ("--format", "netdissect")
    ),
    "of a network into another file": Bad(
        "export run/replicate-0/lottery/level-01 --format onnx --out x.csv", ("x.csv", "*.onnx")
    ),
    "of a layer of a network": Bad(
        "export run/replicate-0/lottery/level-01 --format state-dict --layer layer1 --out x.pth",
        ("--layer", "dissection"),
    ),
    "of a dissection with weights": Bad(
        "export A --weights dense.pth --out x.csv", ("--weights", "--format onnx")
    ),
    "into a folder": Bad("export A --out letters", ("letters is a folder", "file in it")),
    "below a file": Bad("export A --out table.csv/x", ("table.csv", "--out")),
}
