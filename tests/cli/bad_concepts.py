"""What can be wrong with concepts or a dissection, and what must its user be told?"""

from cli.world import (
    IMAGE,
    MAP,
    NETWORK,
    Bad,
    append,
    cut,
    in_index,
    paint,
    palette,
    remove,
    rename,
    replace,
    write,
    zipped,
    zipped_without_set,
)
from concepts.packing import DEVICE, FILE, LINK

LOADED = f"{NETWORK} --weights dense.pth --num-classes 10"
DISSECT = f"dissect {LOADED} --layer layer3 --concepts broden:set --quantile 0.02 --out out"
MASKS = f"dissect {LOADED} --layer layer3 --concepts masks:mine --quantile 0.02 --out out"
CHECK = "concepts check masks:mine"
CHECK_COCO = "concepts check coco:coco/coco.json"
ON_COCO = MASKS.replace("masks:mine", "coco:coco/coco.json")
CHECK_VOC = "concepts check voc:voc"
ON_VOC = MASKS.replace("masks:mine", "voc:voc")
CHECK_ADE = "concepts check ade20k:parsing"
STREET = "ade/images/ADE/training/urban/street/ADE_train_1"
DOWNLOAD = "concepts download broden --out broden"

DISSECTION = {
    "a layer that nearly exists": Bad(f"{DISSECT} --layer layre2", ("layre2", 'mean "layer2"')),
    "a pattern that no layer fits": Bad(
        f"{DISSECT} --layer layer?.*.cnv2", ("layer?.*.cnv2", 'mean "layer3.2.conv2"')
    ),
    "a layer without a map": Bad(f"{DISSECT} --layer linear", ("linear", "map")),
    "a layer twice": Bad(f"{DISSECT} --layer layer3", ("layer3", "more than once")),
    "maps of one cell": Bad(f"{DISSECT} --resolution 2", ("one cell", "resolution")),
    "a quantile of nothing": Bad(f"{DISSECT} --quantile 0", ("quantile", "greater than 0")),
    "a quantile of less than a cell": Bad(f"{DISSECT} --quantile 1e-7", ("quantile", "cells")),
    "an IoU above 1": Bad(f"{DISSECT} --iou 1.5", ("iou", "1.5")),
    "a convention that does not exist": Bad(f"{DISSECT} --convention exakt", ("exakt", "exact")),
    "fewer permutations than none": Bad(f"{DISSECT} --null -1", ("null", "-1", "auto")),
    "permutations where no chance is defined": Bad(
        f"{DISSECT} --null 5 --convention lite", ("null", "lite", "another convention")
    ),
    "a memory that is no size": Bad(
        f"{DISSECT} --memory nonsense", ("memory", "nonsense", "512MiB")
    ),
    "a memory in a unit that is none": Bad(f"{DISSECT} --memory 2bits", ("memory", "512MiB")),
    "a category that nearly exists": Bad(
        f"{DISSECT} --categories objects", ("objects", 'mean "object"')
    ),
    "a split that nearly exists": Bad(f"{DISSECT} --split vall", ("vall", 'mean "val"')),
    "no images": Bad(f"{DISSECT} --limit 0", ("--limit", "equal to 1")),
    "a spread of nothing": Bad(f"{DISSECT} --std 1,0,1", ("std", "(0, 1]")),
    "a dissection into a folder of other things": Bad(
        DISSECT.replace("--out out", "--out letters"), ("letter.txt", "--out")
    ),
    "a dissection into a file": Bad(
        DISSECT.replace("--out out", "--out table.csv"), ("table.csv is a file",)
    ),
    "a dissection below a file": Bad(
        DISSECT.replace("--out out", "--out table.csv/x"), ("table.csv", "--out")
    ),
    "a concept set that nearly exists": Bad(
        DISSECT.replace("broden:set", "broaden:set"), ("broaden", 'mean "broden"')
    ),
    "a concept set without its folder": Bad(
        DISSECT.replace("broden:set", "broden"), ("broden", "broden:DIR")
    ),
}

WORDS = {
    "labels of a set without any": Bad(
        DISSECT.replace("broden:set", "images:set/images"), ("no labels", "--words FILE")
    ),
    "a study on pictures without labels": Bad(
        "run tiny.yaml --out out --workers 1 --set concepts.source=images:set/images",
        ("images has no labels", "a set with labels"),
    ),
    "a folder without pictures": Bad(
        DISSECT.replace("broden:set", "images:letters"), ("letters holds no picture",)
    ),
    "words without an encoder": Bad(f"{DISSECT} --words words.txt", ("encoder names no model",)),
    "an encoder without words": Bad(f"{DISSECT} --encoder a:b", ("words names no file",)),
    "words that are not there": Bad(
        f"{DISSECT} --words lost.txt --encoder encoders:sound", ("no file of words lost.txt",)
    ),
    "a word twice": Bad(
        f"{DISSECT} --words words.txt --encoder encoders:sound",
        ("words.txt, line 3", "line 1 already"),
        write("words.txt", "red\nblue\nred\n"),
    ),
    "an empty word": Bad(
        f"{DISSECT} --words words.txt --encoder encoders:sound",
        ("words.txt, line 2 is empty",),
        write("words.txt", "red\n\nblue\n"),
    ),
    "an encoder that nearly exists": Bad(
        f"{DISSECT} --words words.txt --encoder open-clop:RN50",
        ('mean "open-clip"',),
        write("words.txt", "red\nblue\n"),
    ),
    "an encoder whose sides do not match": Bad(
        f"{DISSECT} --words words.txt --encoder encoders:uneven",
        ("two sides", "3 numbers of an image", "2 of a word"),
        write("words.txt", "red\nblue\n"),
    ),
}

BRODEN = {
    "no folder": Bad(DISSECT, ("no folder set",), rename("set", "moved")),
    "no index": Bad(DISSECT, ("index.csv",), remove("set/index.csv")),
    "no table of labels": Bad(DISSECT, ("label.csv",), remove("set/label.csv")),
    "no table of a category": Bad(DISSECT, ("c_color.csv",), remove("set/c_color.csv")),
    "a table that is no text": Bad(
        DISSECT, ("label.csv",), write("set/label.csv", b"\xff\xfe\0\1")
    ),
    "an empty index": Bad(DISSECT, ("index.csv",), write("set/index.csv", "")),
    "an index without a column": Bad(
        DISSECT, ("index.csv", "split"), replace("set/index.csv", "split", "part_of")
    ),
    "an index with a size in words": Bad(DISSECT, ("index.csv", "tall"), in_index("ih", "tall")),
    "a label twice": Bad(
        DISSECT, ("label.csv", "1"), append("set/label.csv", "1,again,color(1),1,1,\n")
    ),
    "too many broken images to be left out": Bad(
        f"{DISSECT} --skip-broken",
        ("more than 1 % of the 20 images", "0000.png", "concepts check"),
        cut(MAP),
    ),
    "an image that is lost": Bad(DISSECT, ("aeroplane/0000.png",), remove(IMAGE)),
    "an image cut short": Bad(DISSECT, ("aeroplane/0000.png",), cut(IMAGE)),
    "an image of another size": Bad(DISSECT, ("aeroplane/0000.png", "31"), paint(IMAGE, 31, 32, 3)),
    "a label map that is lost": Bad(DISSECT, ("0000_color.png",), remove(MAP)),
    "a label map cut short": Bad(DISSECT, ("0000_color.png", "--skip-broken"), cut(MAP)),
    "a label map of another size": Bad(DISSECT, ("0000_color.png", "15"), paint(MAP, 15, 16, 3)),
    "a pixel without a row": Bad(
        DISSECT, ("64000", "label.csv"), paint(MAP, 16, 16, 3, value=(0, 250, 0))
    ),
    "a whole image without a row": Bad(DISSECT, ("9999", "label.csv"), in_index("scene", "9999")),
    "a path that leaves the folder": Bad(
        DISSECT, ("../../secret.png",), in_index("color", "../../secret.png")
    ),
    "an absolute path": Bad(DISSECT, ("/etc/passwd",), in_index("image", "/etc/passwd")),
    "a fault told by check": Bad(
        "concepts check broden:set", ("0000_color.png", "problem"), cut(MAP)
    ),
    "a set to check that is not there": Bad("concepts check broden:no", ("no folder no",)),
    "a set to preview that is not there": Bad("concepts preview masks:no --out sheets", ("no",)),
    "a preview of a damaged image": Bad(
        "concepts preview broden:set --images 20 --out sheets", ("aeroplane/0000.png",), cut(IMAGE)
    ),
    "a preview into a file": Bad(
        "concepts preview broden:set --out table.csv", ("table.csv is a file", "--out")
    ),
    "a preview below a file": Bad(
        "concepts preview broden:set --out table.csv/x", ("table.csv", "--out")
    ),
    "a preview of nothing": Bad(
        "concepts preview broden:set --images 0", ("--images", "equal to 1")
    ),
    "a list of something": Bad("concepts list broden", ("unexpected", "broden")),
}

OWN_MASKS = {
    "no names": Bad(MASKS, ("names.csv",), remove("mine/names.csv")),
    "names without a column": Bad(
        MASKS, ("names.csv", "name"), replace("mine/names.csv", "name,", "title,")
    ),
    "a name twice": Bad(CHECK, ("names.csv, row 6", "car"), append("mine/names.csv", "car,5,\n")),
    "a value twice": Bad(CHECK, ("row 6", "value 7"), append("mine/names.csv", "bus,7,\n")),
    "a value too large": Bad(CHECK, ("row 6", "65535"), append("mine/names.csv", "bus,70000,\n")),
    "no folder of images": Bad(
        MASKS, ("no folder images",), rename("mine/images", "mine/pictures")
    ),
    "a mask without an image": Bad(
        MASKS, ("masks/val/c.png", "no image"), remove("mine/images/val/c.png")
    ),
    "a mask of no concept": Bad(
        CHECK,
        ("wheels.png", "wheel"),
        rename("mine/masks/train/a/wheel.png", "mine/masks/train/a/wheels.png"),
    ),
    "a mask that is a JPEG": Bad(
        CHECK, ("b.jpg", "PNG"), rename("mine/masks/train/b.png", "mine/masks/train/b.jpg")
    ),
    "a mask cut short": Bad(
        MASKS, ("train/b.png", "cannot be read"), cut("mine/masks/train/b.png")
    ),
    "a value without a name": Bad(
        MASKS, ("train/b.png", "value 9"), paint("mine/masks/train/b.png", 3, 4, value=9)
    ),
    "a colour without a name": Bad(
        MASKS, ("train/b.png", "color"), paint("mine/masks/train/b.png", 3, 4, 3, value=9)
    ),
    "a mask of another shape": Bad(
        MASKS, ("train/b.png", "4 x 4"), paint("mine/masks/train/b.png", 4, 4, value=3)
    ),
    "masks of two sizes": Bad(
        MASKS, ("car.png", "6 x 8"), paint("mine/masks/train/a/car.png", 6, 8, value=255)
    ),
}

COCO = {
    "a file of annotations that is not there": Bad(
        "concepts check coco:no.json", ("no.json does not exist",)
    ),
    "annotations cut short": Bad(
        CHECK_COCO, ("coco.json", "ends too early"), cut("coco/coco.json", 0.9)
    ),
    "a category that is not listed": Bad(
        CHECK_COCO,
        ("coco.json", "annotation 11 has category_id 4"),
        replace("coco/coco.json", '"category_id": 3,', '"category_id": 4,'),
    ),
    "an annotation of an image that is not listed": Bad(
        ON_COCO,
        ("coco.json", "annotation 11 has image_id 8"),
        replace(
            "coco/coco.json", '"image_id": 7, "category_id": 3', '"image_id": 8, "category_id": 3'
        ),
    ),
    "an image twice": Bad(
        ON_COCO,
        ("coco.json", "image 7 stands there twice"),
        replace("coco/coco.json", '"id": 2, "file_name"', '"id": 7, "file_name"'),
    ),
    "a polygon of two points": Bad(
        CHECK_COCO,
        ("annotation 11 of train/a.png", "4 numbers", "three points"),
        replace("coco/coco.json", "[0, 0, 4, 0, 4, 3, 0, 3]", "[0, 0, 4, 3]"),
    ),
    "a polygon outside its image": Bad(
        ON_COCO,
        ("annotation 11 of train/a.png", "x = 40", "6 x 8"),
        replace("coco/coco.json", "[0, 0, 4, 0, 4, 3, 0, 3]", "[0, 0, 40, 0, 4, 3, 0, 3]"),
    ),
    "run lengths of another image": Bad(
        CHECK_COCO,
        ("annotation 14 of val/b.png", "13 pixels", "48"),
        replace("coco/coco.json", '"counts": [0, 12, 36]', '"counts": [0, 12, 1]'),
    ),
    "run lengths of another size": Bad(
        CHECK_COCO,
        ("annotation 14 of val/b.png", "[8, 6]", "6 x 8"),
        replace("coco/coco.json", '[6, 8], "counts": [0', '[8, 6], "counts": [0'),
    ),
    "an image of annotations that is lost": Bad(
        ON_COCO, ("train/a.png", "image 7 of coco/coco.json"), remove("coco/images/train/a.png")
    ),
    "no image of the annotations": Bad(
        ON_COCO, ("train/a.png", "images=DIR"), rename("coco/images", "coco/elsewhere/images")
    ),
    "images where there are none": Bad(
        "concepts preview coco:coco/coco.json,images=no --out sheets", ("no folder no",)
    ),
    "an option that nearly exists": Bad(
        "concepts check coco:coco/coco.json,boxs=true", ("boxs", 'mean "boxes"')
    ),
    "an option of another kind": Bad(
        "concepts check broden:set,boxes=true", ("boxes", "broden takes names=")
    ),
    "boxes that are neither true nor false": Bad(
        "concepts check coco:coco/coco.json,boxes=1", ("boxes", '"1"', "true or false")
    ),
    "annotations that are a list": Bad(
        CHECK_COCO, ("coco.json", "no JSON object"), write("coco/coco.json", "[]")
    ),
}

VOC = {
    "a VOC folder that is not there": Bad("concepts check voc:no", ("no folder no",)),
    "a VOC folder without maps": Bad(
        CHECK_VOC,
        ("VOC's layout", "SegmentationClass"),
        rename("voc/SegmentationClass", "voc/maps"),
    ),
    "a list of a map that is not there": Bad(
        ON_VOC, ("ImageSets lists a", "SegmentationClass/a"), remove("voc/SegmentationClass/a.png")
    ),
    "a palette that is not VOC's": Bad(
        CHECK_VOC,
        ("SegmentationClass/b.png", "palette", "classes=FILE"),
        palette("voc/SegmentationClass/b.png"),
    ),
    "an index without a class": Bad(
        CHECK_VOC,
        ("SegmentationClass/b.png", "value 99"),
        paint("voc/SegmentationClass/b.png", 4, 5, value=99),
    ),
    "a map of another size than its picture": Bad(
        ON_VOC,
        ("JPEGImages/b.jpg", "4 x 5", "4 x 4"),
        paint("voc/SegmentationClass/b.png", 4, 4, value=7),
    ),
    "classes of a file that is not there": Bad(
        "concepts check voc:voc,classes=no.txt", ("no.txt", "No such file")
    ),
    "a class twice": Bad(
        "concepts check voc:voc,classes=two.txt",
        ("two.txt", "'dog' twice"),
        write("two.txt", "dog\ndog"),
    ),
    "a box outside its image": Bad(
        "concepts check voc:voc,boxes=true",
        ("Annotations/b.xml", "'car'", "4 x 5"),
        replace("voc/Annotations/b.xml", "<xmax>5", "<xmax>50"),
    ),
    "boxes cut short": Bad(
        "concepts check voc:voc,boxes=true",
        ("Annotations/b.xml", "XML"),
        cut("voc/Annotations/b.xml"),
    ),
    "a list that nearly exists": Bad(
        f"{CHECK_VOC} --split trainvall", ("trainvall", 'mean "train"')
    ),
}

STREETS = {
    "no folder of ADE20K": Bad("concepts check ade20k:letters", ("letters", "_seg.png")),
    "ADE20K without its names": Bad(
        CHECK_ADE, ("objectInfo150.txt",), remove("parsing/objectInfo150.txt")
    ),
    "an index of ADE20K without a name": Bad(
        CHECK_ADE,
        ("ADE_train_1.png", "value 99"),
        paint("parsing/annotations/training/ADE_train_1.png", 3, 4, value=99),
    ),
    "a class of ADE20K without a name": Bad(
        "concepts check ade20k:ade",
        ("ADE_train_1_seg.png", "class 9 "),
        paint(f"{STREET}_seg.png", 3, 4, 3, value=9),
    ),
    "a map of ADE20K in grey": Bad(
        "concepts check ade20k:ade",
        ("ADE_train_1_seg.png", "mode L"),
        paint(f"{STREET}_seg.png", 3, 4),
    ),
    "names of ADE20K that are no JSON": Bad(
        MASKS.replace("masks:mine", "ade20k:ade"),
        ("ADE_train_1.json", "JSON"),
        cut(f"{STREET}.json"),
    ),
    "Cityscapes without maps": Bad(
        "concepts check cityscapes:city", ("city", "gtFine"), rename("city/gtFine", "city/fine")
    ),
    "an id of Cityscapes that is none": Bad(
        "concepts check cityscapes:city",
        ("labelIds.png", "value 99"),
        paint("city/gtFine/val/ulm/ulm_0_0_gtFine_labelIds.png", 3, 4, value=99),
    ),
    "annotations of Cityscapes that there are not": Bad(
        "concepts check cityscapes:city,annotations=fine", ("annotations", '"fine"', "gtCoarse")
    ),
    "videos without maps": Bad(
        "concepts check davis:davis",
        ("Annotations", "empty"),
        rename("davis/Annotations/480p", "davis/maps"),
    ),
    "a video whose objects nothing names": Bad(
        "concepts check davis:davis",
        ("semantics.json", "bear"),
        replace("davis/davis_semantics.json", "bear", "bee"),
    ),
    "a number of images that is none": Bad(
        "concepts check davis:davis,every=0", ("every", '"0"', "from 1 on")
    ),
    "a name that is no folder, and none of the Hub": Bad(
        "concepts check 'hf:no folder'", ("no folder no folder", "OWNER/NAME")
    ),
    "a column that is not there": Bad(
        "concepts check hf:pets,mask=maks,classes_of=shown", ("maks", 'mean "mask"')
    ),
    "a column of masks that is none": Bad(
        MASKS.replace("masks:mine", "hf:pets,mask=shown"), ("mask=shown", "an image")
    ),
    "masks whose values nothing names": Bad("concepts check hf:pets", ("mask", "classes=FILE")),
    "a revision of a folder": Bad(
        "concepts check hf:pets,classes_of=shown,revision=main", ("revision", "folder here")
    ),
}

JOINED = {
    "a set to join that is not there": Bad(
        'concepts check "masks:mine + voc:no"', ("no folder no",)
    ),
    "a set to join that nearly exists": Bad(
        'concepts check "masks:mine + vok:voc"', ("mine + vok:voc",)
    ),
    "a split that not every set has": Bad(
        'concepts check "masks:mine + cityscapes:city" --split test', ("mine/images", "test")
    ),
    "a table of names that is not there": Bad(
        "concepts check masks:mine,names=no.csv", ("no.csv does not exist",)
    ),
    "a name that no label has": Bad(
        MASKS.replace("masks:mine", "masks:mine,names=new.csv"),
        ("new.csv, row 2", "cra", 'mean "car"'),
        write("new.csv", "name,label\ncra,auto\n"),
    ),
    "a table without a column": Bad(
        "concepts check masks:mine,categories=new.csv",
        ("new.csv", "category"),
        write("new.csv", "name,kind\ncar,thing\n"),
    ),
    "a size that is no number": Bad("concepts check masks:mine,size=big", ("size", '"big"')),
}

SEGMENT = "concepts segment set/images --out labelled --limit 2"
SEGMENTATIONS = {
    "photographs that are not there": Bad(
        "concepts segment nowhere --model torchvision:fcn_resnet50 --out labelled",
        ('no concept set "nowhere"',),
    ),
    "a network that is none for segmentation": Bad(
        f"{SEGMENT} --model torchvision:resnet18", ("no segmentation network", "fcn_resnet50")
    ),
    "a segmentation without the library's name": Bad(
        f"{SEGMENT} --model fcn_resnet50", ("torchvision:fcn_resnet50",)
    ),
    "a factory for segmentation that answers with a row": Bad(
        f"{SEGMENT} --model factories:row --resolution 8 --mean 0,0,0 --std 1,1,1 "
        "--names names.txt",
        ("answers with Tensor", "(images, classes, height, width)"),
        write("names.txt", "a\nb\n"),
    ),
    "a confidence above 1": Bad(
        f"{SEGMENT} --model torchvision:fcn_resnet50 --confidence 1.5",
        ("--confidence", "less than 1"),
    ),
    "names of classes that are not there": Bad(
        f"{SEGMENT} --model torchvision:fcn_resnet50 --names no.txt",
        ("no.txt", "names of the classes"),
    ),
    "a segmentation into a folder of other things": Bad(
        "concepts segment set/images --model torchvision:fcn_resnet50 --out letters",
        ("letters is not empty", "--out"),
    ),
}

CONVERSIONS = {
    "a set that is not there": Bad("concepts convert masks:no --out B", ("no folder no",)),
    "a conversion into a folder of other things": Bad(
        "concepts convert masks:mine --out letters", ("letters is not empty", "--out")
    ),
    "a conversion into a file": Bad(
        "concepts convert masks:mine --out table.csv", ("table.csv is a file",)
    ),
    "a conversion below a file": Bad(
        "concepts convert masks:mine --out table.csv/x", ("table.csv", "--out")
    ),
    "a set with a damaged mask": Bad(
        "concepts convert masks:mine --out new",
        ("train/b.png",),
        cut("mine/masks/train/b.png"),
    ),
    "a category that is a column": Bad(
        "concepts convert masks:mine --out new",
        ("category 'split'", "rename it"),
        replace("mine/names.csv", "wheel,,part", "wheel,,split"),
    ),
}

DOWNLOADS = {
    "a set that cannot be had": Bad("concepts download bordem --out b", ("bordem", "only broden")),
    "a resolution that was not published": Bad(f"{DOWNLOAD} --resolution 256", ("256", "224, 227")),
    "an archive that is not there": Bad(f"{DOWNLOAD} --from no.zip", ("no.zip", "no file")),
    "an address of another kind": Bad(f"{DOWNLOAD} --from ftp://x/y.zip", ("ftp://x", "http://")),
    "a file that is no archive": Bad(f"{DOWNLOAD} --from table.csv", ("table.csv", "no zip")),
    "an archive cut short": Bad(
        f"{DOWNLOAD} --from .", ("broden1_224.zip", "damaged"), cut("broden1_224.zip")
    ),
    "an archive of something else": Bad(
        f"{DOWNLOAD} --from a.zip", ("a.zip", "0 index.csv"), zipped_without_set("a.zip")
    ),
    "an absolute path in an archive": Bad(
        f"{DOWNLOAD} --from a.zip", ("/etc/x", "no relative path"), zipped("a.zip", "/etc/x", FILE)
    ),
    "a parent path in an archive": Bad(
        f"{DOWNLOAD} --from a.zip", ("../x", "leads outside"), zipped("a.zip", "../x", FILE)
    ),
    "a link in an archive": Bad(
        f"{DOWNLOAD} --from a.zip", ('"x" is a link',), zipped("a.zip", "x", LINK)
    ),
    "a device in an archive": Bad(
        f"{DOWNLOAD} --from a.zip", ('"x" is a device',), zipped("a.zip", "x", DEVICE)
    ),
    "a bomb": Bad(
        f"{DOWNLOAD} --from a.zip",
        ('"x" unpacks from', "bomb"),
        zipped("a.zip", "x", FILE, bytes(1 << 23)),
    ),
    "a download into a folder of other things": Bad(
        "concepts download broden --out letters --from .", ("letters", "another folder")
    ),
    "a download below a file": Bad(
        "concepts download broden --out table.csv/x --from .", ("table.csv", "--out")
    ),
}
