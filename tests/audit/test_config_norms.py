"""``norm_cfg`` of necks and heads becomes GroupNorm; the backbone's stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bn2gn_codemod.plan import Verdict
from tests.audit.configs import migrated
from tests.conftest import MakeRepository
from tests.migrating import plan_of

PRETRAINED = "init_cfg=dict(type='Pretrained', checkpoint='w://r')"
OPEN = {"backbone": "unknown", "neck": "unknown"}
BACKBONE = f"backbone=dict(type='Net', norm_cfg=dict(type='BN'), {PRETRAINED})"


def config(neck: str, backbone: str = BACKBONE, above: str = "") -> str:
    """A detector whose neck has the arguments ``neck``."""
    parts = f"    type='D',\n    {backbone},\n    neck=dict(type='N', {neck})"
    return f"{above}model = dict(\n{parts})\n"


CONVERTED = [
    ("norm_cfg=dict(type='BN'), out_channels=256", "dict(type='GN', num_groups=32)"),
    ("norm_cfg=dict(type='BN2d'), out_channels=48", "dict(type='GN', num_groups=24)"),
    # they stand in for BatchNorm2d, as in code
    ("norm_cfg=dict(type='SyncBN'), channels=64", "dict(type='GN', num_groups=32)"),
    ("norm_cfg=dict(type='naiveSyncBN2d'), channels=64", "dict(type='GN', num_groups=32)"),
    (
        "norm_cfg=dict(type='BN', momentum=0.1, eps=0.001), in_channels=64",
        "dict(type='GN', num_groups=32, eps=0.001)",
    ),
    (
        "norm_cfg=dict(type='BN', requires_grad=True), channels=96, mid_channels=64",
        "dict(type='GN', num_groups=32, requires_grad=True)",
    ),
]


@pytest.mark.parametrize(("neck", "norm"), CONVERTED)
def test_converted(repository: MakeRepository, neck: str, norm: str) -> None:
    root = repository({"configs/c.py": config(neck)})
    start = neck.index("norm_cfg=")
    old = neck[start + len("norm_cfg=") : neck.index(")", start) + 1]
    assert migrated(root) == {"configs/c.py": config(neck.replace(old, norm))}


def test_second_run_is_empty(repository: MakeRepository) -> None:
    root = repository({"configs/c.py": config(CONVERTED[0][0])})
    (root / "configs/c.py").write_text(migrated(root)["configs/c.py"])
    assert not migrated(root)
    assert not plan_of(root).findings


def test_shared_name_stays_for_the_backbone(repository: MakeRepository) -> None:
    shared = "norm_cfg = dict(type='BN')\n"
    backbone = BACKBONE.replace("norm_cfg=dict(type='BN')", "norm_cfg=norm_cfg")
    root = repository({"configs/c.py": config("channels=64, norm_cfg=norm_cfg", backbone, shared)})
    expected = config("channels=64, norm_cfg=dict(type='GN', num_groups=32)", backbone, shared)
    assert migrated(root) == {"configs/c.py": expected}


LEFT_ALONE = [
    pytest.param("norm_cfg=dict(type='GN', num_groups=8), channels=64", id="group_norm"),
    pytest.param("norm_cfg=dict(type='LN'), channels=64", id="layer_norm"),
    pytest.param("norm_cfg=None, channels=64", id="none"),
]


@pytest.mark.parametrize("neck", LEFT_ALONE)
def test_left_alone(repository: MakeRepository, neck: str) -> None:
    root = repository({"configs/c.py": config(neck)})
    assert not migrated(root)
    assert not plan_of(root).findings


def test_nothing_is_pretrained(repository: MakeRepository) -> None:
    backbone = "backbone=dict(type='Net', norm_cfg=dict(type='BN'))"
    root = repository({"configs/c.py": config("norm_cfg=dict(type='BN'), channels=64", backbone)})
    assert not migrated(root)
    assert verdicts(root) == OPEN
    (found, _) = plan_of(root).findings
    assert "no config names pretrained weights for the model" in found.message


FOUND_ONLY = [
    pytest.param("norm_cfg=dict(type='BN')", "channel count", id="unknown_channels"),
    pytest.param("norm_cfg=dict(type='BN', **more()), channels=64", "not understood", id="spread"),
    pytest.param("norm_cfg=dict(type='BN', eps=get()), channels=64", "computed", id="computed"),
    pytest.param("norm_cfg=dict(type='BN', depth=3), channels=64", "depth", id="unknown_argument"),
]


@pytest.mark.parametrize(("neck", "reason"), FOUND_ONLY)
def test_found_and_not_fixed(repository: MakeRepository, neck: str, reason: str) -> None:
    plan = plan_of(root := repository({"configs/c.py": config(neck)}))
    (finding,) = plan.findings
    assert (finding.code, finding.fixable) == ("BN101", False)
    assert reason in finding.message
    assert not migrated(root)


def test_override_that_would_no_longer_fit(repository: MakeRepository) -> None:
    leaf = "_base_ = './c.py'\nmodel = dict(neck=dict(norm_cfg=dict(type='BN1d')))\n"
    root = repository(
        {"configs/c.py": config("norm_cfg=dict(type='BN'), channels=64"), "configs/d.py": leaf}
    )
    finding, other = plan_of(root).findings
    assert "configs/d.py overrides part of it" in finding.message
    assert (other.code, other.place.path) == ("BN103", "configs/d.py")
    assert not migrated(root)


def test_override_that_is_converted_as_well(repository: MakeRepository) -> None:
    leaf = "_base_ = './c.py'\nmodel = dict(neck=dict(norm_cfg=dict(type='SyncBN')))\n"
    root = repository(
        {"configs/c.py": config("norm_cfg=dict(type='BN'), channels=64"), "configs/d.py": leaf}
    )
    assert {*migrated(root)} == {"configs/c.py", "configs/d.py"}


@pytest.mark.parametrize(
    ("neck", "is_cut_off"),
    [
        ("_delete_=True, type='Neck', norm_cfg=dict(type='BN1d')", True),
        ("norm_cfg=dict(_delete_=True, type='BN1d')", True),
        ("norm_cfg=dict(type='BN1d'), last=dict(_delete_=True)", False),
    ],
)
def test_heir_that_takes_nothing_of_the_base(
    repository: MakeRepository, neck: str, is_cut_off: bool
) -> None:
    """``_delete_`` of a dict further out throws away what is in it just as well."""
    leaf = f"_base_ = './c.py'\nmodel = dict(neck=dict({neck}))\n"
    root = repository(
        {"configs/c.py": config("norm_cfg=dict(type='BN'), channels=64"), "configs/d.py": leaf}
    )
    assert {*migrated(root)} == ({"configs/c.py"} if is_cut_off else set())


TEXT_HEIR = "_base_ = './c.py'\n"
PYTHON_HEIR = "from mmengine.config import read_base\nwith read_base():\n    from .c import *\n"
CHANGED_IN_PLACE = [
    PYTHON_HEIR + "model.neck.norm_cfg.momentum = 0.1\n",
    PYTHON_HEIR + "model['neck']['norm_cfg'].update(dict(momentum=0.1))\n",
    PYTHON_HEIR + "model.neck.norm_cfg.update(type='SyncBN')\n",
    PYTHON_HEIR + "model.neck.norm_cfg.type = 'IN'\n",
    PYTHON_HEIR + "model.neck.norm_cfg.pop('momentum')\n",
    PYTHON_HEIR + "del model.neck.norm_cfg['momentum']\n",
    PYTHON_HEIR + "norm = model.neck.norm_cfg\nnorm.setdefault('momentum', 0.1)\n",
    TEXT_HEIR + "_base_.model.neck.norm_cfg.momentum = 0.1\nmodel = _base_.model\n",
    TEXT_HEIR + "norm = _base_.model.neck.norm_cfg\nnorm.momentum = 0.1\n",
]


@pytest.mark.parametrize("heir", CHANGED_IN_PLACE)
@pytest.mark.parametrize("name", ["a", "d"])
def test_heir_changes_it_in_place(repository: MakeRepository, heir: str, name: str) -> None:
    base = config("norm_cfg=dict(type='BN', momentum=0.01), channels=64")
    root = repository({"configs/c.py": base, f"configs/{name}.py": heir})
    assert not migrated(root)
    (finding,) = plan_of(root).findings
    assert f"configs/{name}.py overrides part of it" in finding.message


def test_its_own_file_changes_it_in_place(repository: MakeRepository) -> None:
    source = (
        config("norm_cfg=dict(type='BN'), channels=64") + "model.neck.norm_cfg.momentum = 0.1\n"
    )
    assert not migrated(repository({"configs/c.py": source}))


CHANGED_BESIDE = [
    PYTHON_HEIR + "model.neck.channels = 128\n",
    PYTHON_HEIR + "model.neck.norm_cfg.eps = 0.1\n",
    PYTHON_HEIR + "model.neck.update(dict(channels=128))\n",
    PYTHON_HEIR + "model.neck.norm_cfg = dict(type='LN')\n",
    PYTHON_HEIR + "model.backbone.norm_cfg.momentum = 0.1\n",
    PYTHON_HEIR + "model.merge(dict(neck=dict(channels=128)))\n",
    TEXT_HEIR + "_base_.model.neck.channels = 128\nmodel = _base_.model\n",
]


@pytest.mark.parametrize("heir", CHANGED_BESIDE)
def test_heir_changes_something_else(repository: MakeRepository, heir: str) -> None:
    base = config("norm_cfg=dict(type='BN', momentum=0.01), channels=64")
    root = repository({"configs/c.py": base, "configs/d.py": heir})
    assert "dict(type='GN', num_groups=32), channels" in migrated(root)["configs/c.py"]


MERGED = [
    TEXT_HEIR + "model = dict(neck=dict(norm_cfg={}))\n",
    PYTHON_HEIR + "model.merge(dict(neck=dict(norm_cfg={})))\n",
    PYTHON_HEIR + "model.update(dict(neck=dict(norm_cfg={})))\n",
]


@pytest.mark.parametrize("heir", MERGED)
def test_base_that_stays_has_the_momentum_below(repository: MakeRepository, heir: str) -> None:
    base = config("norm_cfg=dict(type='BN1d', momentum=0.01), channels=64")
    own = heir.format("dict(type='BN', momentum=0.1)")
    assert not migrated(repository({"configs/c.py": base, "configs/d.py": own}))


@pytest.mark.parametrize("heir", MERGED)
def test_heir_that_stays_merges_into_it(repository: MakeRepository, heir: str) -> None:
    base = config("norm_cfg=dict(type='BN', momentum=0.01), channels=64")
    own = heir.format("dict(type='BN1d', momentum=0.1)")
    assert not migrated(repository({"configs/c.py": base, "configs/d.py": own}))


@pytest.mark.parametrize("heir", MERGED)
def test_both_change_together(repository: MakeRepository, heir: str) -> None:
    base = config("norm_cfg=dict(type='BN', momentum=0.01), channels=64")
    own = heir.format("dict(type='BN', momentum=0.1)")
    root = repository({"configs/c.py": base, "configs/d.py": own})
    assert {*migrated(root)} == {"configs/c.py", "configs/d.py"}


def test_delete_is_carried_over(repository: MakeRepository) -> None:
    base = config("norm_cfg=dict(type='BN', momentum=0.01), channels=64")
    leaf = "_base_ = './c.py'\nmodel = dict(neck=dict(norm_cfg=dict(_delete_=True, type='BN')))\n"
    root = repository({"configs/c.py": base, "configs/d.py": leaf})
    after = leaf.replace("type='BN'", "type='GN', num_groups=32")
    assert migrated(root)["configs/d.py"] == after


def test_list_is_replaced_and_merges_nothing(repository: MakeRepository) -> None:
    heads = "model = dict({}, heads=[dict(type='H', norm_cfg=dict(type='{}', eps=0.1){})])\n"
    base = heads.format(f"type='D', {BACKBONE}", "BN", ", channels=64")
    leaf = "_base_ = './c.py'\n" + heads.format("type='D'", "BN1d", "")
    root = repository({"configs/c.py": base, "configs/d.py": leaf})
    assert {*migrated(root)} == {"configs/c.py"}


def test_override_that_is_left_for_a_reason_of_its_own(repository: MakeRepository) -> None:
    leaf = (
        "_base_ = './c.py'\nload_from = 'https://host/whole.pth'\n"
        "model = dict(neck=dict(norm_cfg=dict(type='SyncBN')))\n"
    )
    root = repository(
        {"configs/c.py": config("norm_cfg=dict(type='BN'), channels=64"), "configs/d.py": leaf}
    )
    assert not migrated(root)


def test_momentum_that_is_inherited_from_what_stays(repository: MakeRepository) -> None:
    base = config("norm_cfg=dict(type='BN1d', momentum=0.1), channels=64")
    leaf = "_base_ = './c.py'\nmodel = dict(neck=dict(norm_cfg=dict(type='BN')))\n"
    root = repository({"configs/c.py": base, "configs/d.py": leaf})
    assert "inherit momentum" in plan_of(root).findings[-1].message
    assert not migrated(root)


def test_one_dict_for_both_sides_is_a_conflict(repository: MakeRepository) -> None:
    source = (
        "part = dict(norm_cfg=dict(type='BN'), channels=64)\n"
        f"model = dict(type='D', backbone=dict(part, type='Net', {PRETRAINED}), "
        "neck=dict(part, type='N'))\n"
    )
    root = repository({"configs/c.py": source})
    assert [finding.code for finding in plan_of(root).findings] == ["BN102"]
    assert not migrated(root)


# ---------------------------------------------------------------- pretrained weights

NECK = "norm_cfg=dict(type='BN'), out_channels=64"
PLAIN = "backbone=dict(type='Net', norm_cfg=dict(type='BN'){more})"


def verdicts(root: Path, **settings: Any) -> dict[str, str]:
    """The verdicts by what the config calls the part."""
    return {
        site.attribute.removeprefix("model.").removesuffix(".norm_cfg"): str(site.verdict)
        for site in plan_of(root, **settings).sites
    }


def beside(given: str, more: str = "", above: str = "") -> str:
    """A detector with a neck, and ``given`` beside its backbone."""
    return config(NECK, f"{given}{PLAIN.format(more=more)}", above)


PRETRAINED_BACKBONES = [
    beside("pretrained='torchvision://resnet50', "),
    beside("pretrained='open-mmlab://resnet50_v1c', "),
    beside("pretrained='ckpts/resnet50-19c8e357.pth', "),
    beside("pretrained=weights, ", above="weights = 'a.pth'\n"),
    beside("", ", pretrained='swin_tiny.pth'"),
    beside("", ", pretrained=True"),
    beside("", ", init_cfg=[dict(type='Pretrained', checkpoint='a.pth')]"),
    beside("", ", init_cfg=dict(type='Pretrained', checkpoint=join(home, 'a.pth'))"),
    beside("", above="load_from = './work_dirs/stage1/epoch_12.pth'\n"),
    beside("", above="work_dir = './out/net'\nload_from = 'out/net/epoch_12.pth'\n"),
]


@pytest.mark.parametrize("source", PRETRAINED_BACKBONES)
def test_backbone_is_pretrained(repository: MakeRepository, source: str) -> None:
    root = repository({"configs/c.py": source})
    assert verdicts(root) == {"backbone": "keep", "neck": "convert"}


NOT_PRETRAINED = [
    beside("pretrained=None, "),
    beside("pretrained='', "),
    beside("", ", pretrained=False"),
    beside("", ", init_cfg=None"),
    beside("", above="load_from = None\nresume_from = 'a.pth'\n"),
    beside("pretrained=dict(img=None), ").replace("backbone=", "img_backbone="),
    # that is for no backbone
    beside("loss=dict(type='Lpips', pretrained='vgg.pth'), "),
    beside("pretrained=dict(rpn='rpn.pth'), "),
]


@pytest.mark.parametrize("source", NOT_PRETRAINED)
def test_backbone_is_not_pretrained(repository: MakeRepository, source: str) -> None:
    found = verdicts(repository({"configs/c.py": source}))
    assert {name.removeprefix("img_"): verdict for name, verdict in found.items()} == OPEN


def test_heir_takes_the_weights_away(repository: MakeRepository) -> None:
    heir = "_base_ = './c.py'\nmodel = dict(pretrained=None, {})\n"
    own = "neck=dict(norm_cfg=dict(type='SyncBN'))"
    base = beside("pretrained='torchvision://resnet50', ")
    root = repository({"configs/c.py": base, "configs/d.py": heir.format(own)})
    found = {(site.place.path, str(site.verdict)) for site in plan_of(root).sites}
    assert found == {
        ("configs/c.py", "keep"),
        ("configs/c.py", "convert"),
        ("configs/d.py", "unknown"),
    }


def test_weights_for_one_of_two_backbones(repository: MakeRepository) -> None:
    source = (
        "model = dict(type='D', pretrained=dict(img='resnet50.pth'),\n"
        "    img_backbone=dict(type='R', norm_cfg=dict(type='SyncBN')),\n"
        "    pts_backbone=dict(type='S', norm_cfg=dict(type='BN')),\n"
        "    neck=dict(type='N', channels=64, norm_cfg=dict(type='BN')))\n"
    )
    image, points, neck = plan_of(repository({"configs/c.py": source})).sites
    assert (image.verdict, image.reasons) == (
        Verdict.KEEP,
        ("a pretrained backbone (resnet50.pth)",),
    )
    assert points.verdict is Verdict.KEEP
    assert "is a backbone by its name, beside" in points.reasons[0]
    assert neck.verdict is Verdict.CONVERT


@pytest.mark.parametrize(
    ("file", "points"),
    [
        ("https://host/first_20210323_173222-cad62aeb.pth", "unknown"),
        ("first_20210323-cad62aeb.pth", "unknown"),
        # Another model's, or what was trained with this config.
        ("https://host/first_more_20210323_173222-cad62aeb.pth", "keep"),
        ("https://host/second_20210323_173222-cad62aeb.pth", "keep"),
        ("https://host/both_20210323_173222-cad62aeb.pth", "keep"),
        ("https://host/first.pth", "keep"),
    ],
)
def test_backbone_that_the_model_of_the_file_has_not(
    repository: MakeRepository, file: str, points: str
) -> None:
    image = "img_backbone=dict(type='R', norm_cfg=dict(type='BN'))"
    both = f"{image}, pts_backbone=dict(type='S', norm_cfg=dict(type='BN'))"
    root = repository(
        {
            "configs/first.py": f"model = dict(type='D', {image})\n",
            "configs/both.py": f"model = dict(type='D', {both})\n",
            "configs/second.py": f"load_from = '{file}'\nmodel = dict(type='D', {both})\n",
        }
    )
    found = {
        site.attribute: str(site.verdict)
        for site in plan_of(root).sites
        if site.place.path == "configs/second.py"
    }
    assert found == {
        "model.img_backbone.norm_cfg": "keep",
        "model.pts_backbone.norm_cfg": points,
    }


WHOLE_MODELS = [
    ("load_from", beside("", above="load_from = 'https://host/faster_rcnn_coco.pth'\n")),
    ("load_from", beside("", above="load_from = 'ckpts/faster_rcnn.pth'\n")),
    ("load_from", beside("", above="load_from = join(home, 'a.pth')\n")),
    ("load_from", beside("", f", {PRETRAINED}", "load_from = 'https://host/a.pth'\n")),
    ("load_from", beside("", above="load_from = 'https://host/work_dirs/a.pth'\n")),
    # a file with a hash was published
    (
        "load_from",
        beside("", above="work_dir = './ckpts'\nload_from = 'ckpts/rcnn_2020-047c8118.pth'\n"),
    ),
    ("load_from", beside("", above="load_from = 'work_dirs/rcnn/best_2020-047c8118.pth'\n")),
    ("load_from", beside("", above="work_dir = 'ckpts'\nload_from = 'ckpts/rcnn.pth'\n")),
    ("model is filled", beside("pretrained='mask_rcnn_coco.pth', ")),
    ("model is filled", beside(f"{PRETRAINED}, ", f", {PRETRAINED}")),
    ("model.neck is filled", config(f"{NECK}, {PRETRAINED}")),
    ("model.neck is filled", config(f"{NECK}, pretrained='fpn.pth'")),
    ("ResLayer is a network", config(NECK).replace("type='N'", "type='ResLayer'")),
    ("ResLayer2 is a network", config(NECK).replace("type='N'", "type='ResLayer2'")),
    ("ResNet is a network", config(NECK).replace("type='N'", "type='ResNet'")),
]


@pytest.mark.parametrize(("words", "source"), WHOLE_MODELS)
def test_file_may_have_the_neck_as_well(
    repository: MakeRepository, words: str, source: str
) -> None:
    root = repository({"configs/c.py": source})
    assert verdicts(root) == {"backbone": "keep", "neck": "unknown"}
    (finding,) = plan_of(root).findings
    assert finding.code == "BN103"
    assert words in finding.message
    assert "# bn2gn: convert" in plan_of(root).sites[1].settles[0]
    assert not migrated(root)


WHOLE = "load_from = 'https://host/faster_rcnn_coco.pth'\n"
AFTER_STAGE1 = "load_from = 'work_dirs/stage1/latest.pth'\n"
RESNET = "pretrained='torchvision://resnet50', "
KEPT = "norm_cfg=dict(type='BN'),  # bn2gn: keep\n  out_channels=64"
STAGES = [
    # the name of the other config, the config, the verdict of the neck in what starts from it
    pytest.param("stage1", beside(RESNET, above=WHOLE), "unknown", id="whole_model"),
    pytest.param("stage1", config(KEPT), "unknown", id="kept"),
    pytest.param("stage1", beside(""), "unknown", id="from_scratch"),
    pytest.param("stage1", beside(RESNET, above=AFTER_STAGE1), "convert", id="itself"),
    pytest.param("a", beside(RESNET, above=f"work_dir='work_dirs/stage1'\n{WHOLE}"), "unknown"),
    pytest.param("stage1", beside(RESNET), "convert", id="new_there_as_well"),
    pytest.param("stage1", config("out_channels=64"), "convert", id="has_none"),
    pytest.param("stage10", beside(RESNET, above=WHOLE), "convert", id="another_folder"),
    pytest.param("a", beside(RESNET, above=f"work_dir='out'\n{WHOLE}"), "convert"),
]


@pytest.mark.parametrize(("name", "before", "neck"), STAGES)
def test_config_that_trained_what_it_starts_from(
    repository: MakeRepository, name: str, before: str, neck: str
) -> None:
    after = beside(RESNET, above=AFTER_STAGE1)
    root = repository({f"configs/{name}.py": before, "configs/stage2.py": after})
    (site,) = (
        site
        for site in plan_of(root).sites
        if site.place.path == "configs/stage2.py" and "neck" in site.attribute
    )
    assert str(site.verdict) == neck
    assert ("configs/stage2.py" in migrated(root)) is (neck == "convert")


def test_stages_all_the_way_back(repository: MakeRepository) -> None:
    later = beside(RESNET, above="load_from = 'work_dirs/stage2/latest.pth'\n")
    middle, first = beside(RESNET, above=AFTER_STAGE1), beside(RESNET, above=WHOLE)
    names = ("a_stage3", "stage2", "stage1")
    texts = (later, middle, first)
    root = repository({f"configs/{n}.py": t for n, t in zip(names, texts, strict=True)})
    assert not migrated(root)


def test_stage_before_is_left_alone(repository: MakeRepository) -> None:
    before = config("norm_cfg=dict(type='BN')")
    after = beside(RESNET, above=AFTER_STAGE1)
    root = repository({"configs/stage1.py": before, "configs/stage2.py": after})
    assert not migrated(root)


IMAGE = "pretrained=dict(img='resnet50.pth'{}), img_"
NAMED_FILES = [
    ("load_img_from (", beside(RESNET, above="load_img_from = 'mask_rcnn.pth'\n")),
    ("load_lift_from (", beside(RESNET, above="load_lift_from = join(home, 'a.pth')\n")),
    ("load_neck_from (", beside(RESNET, above="load_neck_from = 'a.pth'\n")),
    ("(fpn.pth)", beside(IMAGE.format(", neck='fpn.pth'"))),
    ("(rpn.pth)", beside(IMAGE.format(", rpn='rpn.pth'"))),
    ("computed", beside(IMAGE.format(", **more()"))),
    ("(all.pth)", beside(f"{RESNET}pretrains=dict(detector='all.pth'), ")),
    ("(all.pth)", beside(f"{RESNET}pretrains='all.pth', ")),
    ("(fpn.pth)", beside(f"{RESNET}pretrains=dict(neck='fpn.pth'), ")),
]


@pytest.mark.parametrize(("words", "source"), NAMED_FILES)
def test_another_file_may_have_the_neck(
    repository: MakeRepository, words: str, source: str
) -> None:
    plan = plan_of(root := repository({"configs/c.py": source}))
    assert str(plan.sites[1].verdict) == "unknown"
    assert words in plan.sites[1].reasons[0]
    assert not migrated(root)


HEAD = "head=dict(type='H'), "
NOT_OF_THE_NECK = [
    beside(RESNET, above="load_backbone_from = 'a.pth'\n"),
    beside(RESNET, above="load_img_from = None\n"),
    beside(f"{HEAD}{RESNET}", above="load_head_from = 'a.pth'\n"),
    beside(IMAGE.format("")),
    beside(IMAGE.format(", neck=None")),
    beside(HEAD + IMAGE.format(", head='head.pth'")),
    beside(f"{RESNET}pretrains=dict(backbone='a.pth'), "),
    beside(f"{HEAD}{RESNET}pretrains=dict(head='head.pth'), "),
    beside(f"{RESNET}pretrains=None, "),
]


@pytest.mark.parametrize("source", NOT_OF_THE_NECK)
def test_another_file_is_for_something_else(repository: MakeRepository, source: str) -> None:
    assert verdicts(repository({"configs/c.py": source}))["neck"] == "convert"


def test_neck_that_an_heir_puts_into_a_list(repository: MakeRepository) -> None:
    """There it goes by a number, where its own file has a name."""
    heir = "_base_ = './c.py'\nmodel = dict(neck=[_base_.model.neck, dict(type='M', channels=8)])\n"
    root = repository({"configs/c.py": config(NECK), "configs/d.py": heir})
    assert verdicts(root) == {"backbone": "keep", "neck": "convert"}


SENSORS = [("img", "img_neck"), ("lidar", "pts_neck"), ("cam", "img_neck"), ("neck", "neck_top")]


@pytest.mark.parametrize(("sensor", "neck"), SENSORS)
def test_file_of_a_sensor_may_have_all_of_its_parts(
    repository: MakeRepository, sensor: str, neck: str
) -> None:
    above = f"load_{sensor}_from = 'mask_rcnn.pth'\n"
    part = f"{RESNET}{sensor}=dict(type='Cfg'), "
    source = beside(part, above=above).replace("neck=dict(type='N'", f"{neck}=dict(type='N'")
    assert verdicts(repository({"configs/c.py": source}))[neck] == "unknown"


@pytest.mark.parametrize(("sensor", "neck"), [("img", "pts_neck"), ("img", "imgs"), ("lidar", "x")])
def test_file_of_a_sensor_has_nothing_of_another(
    repository: MakeRepository, sensor: str, neck: str
) -> None:
    above = f"load_{sensor}_from = 'mask_rcnn.pth'\n"
    part = f"{RESNET}{sensor}=dict(type='Cfg'), "
    source = beside(part, above=above).replace("neck=dict(type='N'", f"{neck}=dict(type='N'")
    assert verdicts(repository({"configs/c.py": source}))[neck] == "convert"


def test_teacher_has_its_own_weights(repository: MakeRepository) -> None:
    source = config(NECK).replace("neck=", "teacher=")
    assert verdicts(repository({"configs/c.py": source}))["teacher"] == "unknown"


@pytest.mark.parametrize("kind", ["FPN", "ASPPHead", "ResNetHead", "SECONDFPN", "FCNHead"])
def test_part_that_is_named_like_a_new_one(repository: MakeRepository, kind: str) -> None:
    source = config(NECK).replace("type='N'", f"type='{kind}'").replace("'D'", "'RetinaNet'")
    assert verdicts(repository({"configs/c.py": source}))["neck"] == "convert"


def test_one_heir_starts_from_a_whole_model(repository: MakeRepository) -> None:
    base = beside("pretrained='torchvision://resnet50', ")
    heir = "_base_ = './c.py'\nload_from = 'https://host/faster_rcnn_coco.pth'\n"
    root = repository({"configs/c.py": base, "configs/d.py": heir})
    assert verdicts(root) == {"backbone": "keep", "neck": "unknown"}


@pytest.mark.parametrize("word", ["keep", "convert"])
def test_comment_settles_it(repository: MakeRepository, word: str) -> None:
    neck = f"out_channels=64, norm_cfg=dict(type='BN'),  # bn2gn: {word}\n   "
    above = "load_from = 'https://host/faster_rcnn_coco.pth'\n"
    root = repository({"configs/c.py": config(neck, above=above)})
    assert verdicts(root) == {"backbone": "keep", "neck": word}
    assert bool(migrated(root)) is (word == "convert")


# --------------------------------------------------------------------- other kinds


def test_kind_that_the_setting_does_not_name(repository: MakeRepository) -> None:
    root = repository({"configs/c.py": config("channels=64, norm_cfg=dict(type='BN1d')")})
    neck = plan_of(root).sites[1]
    assert (neck.verdict, neck.is_new) == (Verdict.UNKNOWN, True)
    assert "the setting norms does not name BatchNorm1d" in neck.reasons[0]
    assert neck.settles[0] == 'norms = ["BatchNorm2d", "BatchNorm1d"]'
    assert not migrated(root)
    assert verdicts(root, norms=("BatchNorm2d", "BatchNorm1d"))["neck"] == "convert"


def test_kind_that_is_only_called_batch_norm(repository: MakeRepository) -> None:
    root = repository({"configs/c.py": config("channels=64, norm_cfg=dict(type='EvoBN')")})
    neck = plan_of(root).sites[1]
    assert (neck.verdict, neck.is_new) == (Verdict.UNKNOWN, True)
    assert "type='EvoBN'" in neck.reasons[0]


@pytest.mark.parametrize("kind", ["SyncBN", "BN1d", "EvoBN", "naiveSyncBN2d"])
def test_backbone_keeps_every_kind(repository: MakeRepository, kind: str) -> None:
    backbone = BACKBONE.replace("'BN'", f"'{kind}'")
    root = repository({"configs/c.py": config("channels=64", backbone)})
    assert verdicts(root) == {"backbone": "keep"}


def test_shared_name_of_another_kind(repository: MakeRepository) -> None:
    shared = "norm_cfg = dict(type='SyncBN', requires_grad=True)\n"
    backbone = BACKBONE.replace("norm_cfg=dict(type='BN')", "norm_cfg=norm_cfg")
    root = repository({"configs/c.py": config("channels=64, norm_cfg=norm_cfg", backbone, shared)})
    (text,) = migrated(root).values()
    assert "backbone=dict(type='Net', norm_cfg=norm_cfg," in text
    assert "norm_cfg=dict(type='GN', num_groups=32, requires_grad=True)" in text
