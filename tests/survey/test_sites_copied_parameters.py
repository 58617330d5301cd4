"""Parameters that are copied between models: of themselves, a teacher's, or pretrained ones."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check

NET = """\
class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = Body()
"""


@pytest.mark.parametrize(
    "code",
    [
        # Mixed precision: the optimizer's copies go back into the model that they are copies of,
        # whichever model that is; some script reads a whole one from a file.
        """\
        def halves(model):
            model_params = [p for p in model.parameters()]
            return model_params, list(nn.Parameter(p) for p in model_params)
        def back(model_params, master_params):
            for model, master in zip(model_params, master_params):
                model.data.copy_(master.data)
        def train(model):
            model_params, master_params = halves(model)
            back(model_params, master_params)
        train(Net())
        train(torch.load('whole.pt'))
        """,
        # The same, group by group.
        """\
        def back(model_params, master_params):
            for ours, theirs in zip(model_params, master_params):
                for i, (model, master) in enumerate(zip(ours, theirs)):
                    model.data.copy_(master)
        def train(model):
            params = [[p for p in model.parameters()]]
            back(params, params)
        train(Net())
        train(torch.load('whole.pt'))
        """,
        # A moving average of whatever model is trained.
        """\
        import copy
        def update(teacher, student):
            for theirs, ours in zip(teacher.parameters(), student.parameters()):
                theirs.data.copy_(ours.data)
        def train(model):
            teacher = copy.deepcopy(model)
            update(teacher, model)
        train(Net())
        train(torch.load('whole.pt'))
        """,
        # Training that is resumed, the optimizer's copies included.
        """\
        net = Net()
        master_params = list(net.parameters())
        optimizer = torch.optim.SGD(master_params, 0.1)
        def resume(path):
            checkpoint = torch.load(path)
            for master, saved in zip(master_params, checkpoint['master_params']):
                master.data.copy_(saved.data)
            optimizer.load_state_dict(checkpoint['optimizer'])
        resume('last.pt')
        """,
        # A helper that puts whatever state there is into whatever has one.
        """\
        def put(mine, theirs, prefix=''):
            def find(key):
                return theirs.get(prefix + key)
            for key in mine.keys():
                mine[key].copy_(find(key))
        net = Net()
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
        def resume(path):
            checkpoint = torch.load(path)
            state = {}
            for key, value in checkpoint['state_dict'].items():
                state[key[7:]] = value
            put(net.state_dict(), state)
            put(optimizer.state_dict(), checkpoint['optimizer'])
        resume('last.pt')
        """,
        # What is read comes to the other side of the pair alone.
        """\
        infos = pickle.load(open('infos.pkl', 'rb'))
        net = Net()
        for p, info in zip(net.parameters(), infos):
            info.data.copy_(p.data)
        """,
    ],
)
def test_copies_of_itself_are_no_pretrained_weights(code: str) -> None:
    check(_repository("unknown", code))


@pytest.mark.parametrize(
    "code",
    [
        # Parameter by parameter, out of a file.
        """\
        net = Net()
        for p, w in zip(net.parameters(), torch.load('body.pt').values()):
            p.data.copy_(w)
        """,
        """\
        net = Net()
        for p, w in zip(net.body.parameters(), torch.load('body.pt').parameters()):
            p.data.copy_(w.data)
        """,
        """\
        net = Net()
        weights = torch.load('body.pt')
        for i, (p, w) in enumerate(zip(net.parameters(), weights)):
            p.copy_(w)
        """,
        # The state dict was filled before, and holds the weights as well.
        """\
        net = Net()
        weights, own = torch.load('body.pt'), net.state_dict()
        own.update(weights)
        for name in own:
            own[name].copy_(weights[name])
        """,
        # Its own state dict says which key of the file is meant.
        """\
        net = Net()
        weights, own = torch.load('body.pt'), net.state_dict()
        for key, tensor in own.items():
            tensor.copy_(weights[key])
        net.load_state_dict(own)
        """,
        """\
        net = Net()
        weights = torch.load('body.pt')
        for key, tensor in net.named_parameters():
            tensor.data.copy_(weights.get(key))
        """,
        # A library's model, which is trained as well.
        """\
        import torchvision
        def copy_weights(theirs, ours):
            for (_, a), (_, b) in zip(theirs.named_parameters(), ours.named_parameters()):
                b.data.copy_(a.data)
        net = Net()
        copy_weights(torchvision.models.resnet18(pretrained=True), net)
        copy_weights(net, net)
        """,
        # One helper for both: what is read may well be what goes into the network.
        """\
        def copy_weights(theirs, ours):
            for a, b in zip(theirs.parameters(), ours.parameters()):
                b.data.copy_(a.data)
        net, average = Net(), Net()
        copy_weights(torch.load('body.pt'), net)
        copy_weights(net, average)
        """,
        # The optimizer's state is read somewhere else, or out of another file.
        """\
        def read(path):
            return torch.load(path)
        def fill(net):
            for p, w in zip(net.parameters(), read('body.pt')):
                p.data.copy_(w)
        net = Net()
        fill(net)
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
        optimizer.load_state_dict(read('last.pt'))
        """,
        """\
        net = Net()
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
        for p, w in zip(net.parameters(), torch.load('body.pt')):
            p.data.copy_(w)
        optimizer.load_state_dict(torch.load('last.pt'))
        """,
        # Layer by layer, out of what was resumed as well.
        """\
        net = Net()
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
        state = torch.load('body.pt')
        net.body.bn.weight.data.copy_(state['weight'])
        optimizer.load_state_dict(state['optimizer'])
        """,
        # The same helper, for one file that is resumed and another one.
        """\
        def put(mine, theirs):
            for key in mine.keys():
                mine[key].copy_(theirs[key])
        net = Net()
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
        def resume(path):
            checkpoint = torch.load(path)
            put(optimizer.state_dict(), checkpoint['optimizer'])
        put(net.state_dict(), torch.load('body.pt'))
        resume('last.pt')
        """,
        # A helper that fills the model, beside another one's optimizer.
        """\
        def put(mine, theirs):
            for key in mine.keys():
                mine[key].copy_(theirs[key])
        def restore(state, path):
            print(state, path)
        net = Net()
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
        checkpoint = torch.load('body.pt')
        put(net.state_dict(), checkpoint)
        restore(optimizer.state_dict(), checkpoint)
        """,
        # The state of an optimizer that is made here, and not out of the file.
        """\
        def put(mine, theirs):
            for key in mine.keys():
                mine[key].copy_(theirs[key])
        net = Net()
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
        put(net.state_dict(), torch.load('body.pt'))
        put(optimizer.state_dict(), optimizer.state_dict())
        """,
        # Layer by layer.
        """\
        net = Net()
        for ours, theirs in zip(net.modules(), torch.load('body.pt').modules()):
            ours.weight.data.copy_(theirs.weight.data)
        """,
    ],
)
def test_pretrained_weights_are_copied_in(code: str) -> None:
    check(_repository("keep", code))


@pytest.mark.parametrize(
    "loop",
    [
        "for body, head in zip(bodies, heads):",
        "for i, (body, head) in enumerate(zip(bodies, heads)):",
        "for (_, body), head in zip(enumerate(bodies), heads):",
        "for body, head in zip(tuple(bodies), tuple(heads), strict=True):",
    ],
)
def test_pairs_are_followed_each_on_its_own(loop: str) -> None:
    check(f"""\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        bodies = [nn.BatchNorm2d(8)]  #! keep
        heads = [nn.BatchNorm2d(8)]  #! convert
        {loop}
            self.backbone = body
            self.neck = head
""")


@pytest.mark.parametrize(
    "loop",
    [
        "for body, head in zip(*pairs):",
        "for body, head in pairs:",
    ],
)
def test_pairs_that_are_not_told_apart_hold_both(loop: str) -> None:
    check(f"""\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        bodies = [nn.BatchNorm2d(8)]  #! conflict
        heads = [nn.BatchNorm2d(8)]  #! conflict
        pairs = [bodies[0], heads[0]]
        {loop}
            self.backbone = body
            self.neck = head
""")


def test_tuples_in_a_pair_are_opened() -> None:
    check("""\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        a, b = nn.BatchNorm2d(8), nn.BatchNorm2d(8)  #! keep, keep
        c, d = nn.BatchNorm2d(8), nn.BatchNorm2d(8)  #! convert, convert
        for body, head in zip((a, b), (c, d)):
            self.backbone = body
            self.neck = head
""")


def test_a_key_of_its_own_state_dict_makes_nothing_vague() -> None:
    check("""\
class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
def body():
    model = Body()
    weights, own = torch.load('body.pt'), model.state_dict()
    for key, tensor in own.items():
        tensor.copy_(weights[key])
    return model
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = body()
        self.head = nn.BatchNorm2d(8)  #! convert
""")


CLASSIFIER = """\
import timm, copy
class Classifier(nn.Module):
    def __init__(self, backbone, bottleneck):
        super().__init__()
        self.backbone = backbone
        self.bottleneck = bottleneck
class Net(Classifier):
    def __init__(self, backbone):
        super().__init__(backbone, nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8)))  #! {}
"""
BUILD = """
def build():
    return Net(timm.create_model('resnet50', pretrained=True))
model = build()
"""


@pytest.mark.parametrize("walk", ["named_modules", "modules"])
@pytest.mark.parametrize(
    "copied",
    [
        "{0}.load_state_dict({1}.state_dict())",
        "{0}.running_mean.data.copy_({1}.running_mean.data)",
        "{0}.state_dict()['running_mean'].data.copy_({1}.state_dict()['running_mean'].data)",
    ],
)
def test_layers_of_a_teacher_get_what_the_models_own_have(walk: str, copied: str) -> None:
    layers = ("m2[1]", "m1[1]") if walk == "named_modules" else ("m2", "m1")
    update = f"""
teacher = copy.deepcopy(model)
def update(model, teacher):
    for m2, m1 in zip(teacher.{walk}(), model.{walk}()):
        {copied.format(*layers)}
update(model, teacher)
"""
    check(CLASSIFIER.format("convert") + BUILD + update)


@pytest.mark.parametrize(
    "code",
    [
        # The library's network alone gives what is copied.
        """
source = timm.create_model('resnet50', pretrained=True)
def fill(model, source):
    for m2, m1 in zip(model.named_modules(), source.named_modules()):
        m2[1].load_state_dict(m1[1].state_dict())
fill(model, source)
""",
        # So it does where the same line makes it as the model's own.
        """
def trunk():
    return timm.create_model('resnet50', pretrained=True)
model = Net(trunk())
def fill(model, source):
    for m2, m1 in zip(model.named_modules(), source.named_modules()):
        m2[1].load_state_dict(m1[1].state_dict())
fill(model, trunk())
""",
        # The attribute is named that is filled.
        """
source = timm.create_model('resnet50', pretrained=True)
model.bottleneck.load_state_dict(source.state_dict())
""",
    ],
)
def test_layers_that_a_librarys_network_fills_are_loaded(code: str) -> None:
    check(CLASSIFIER.format("keep") + BUILD + code)


@pytest.mark.parametrize(
    ("verdict", "names"), [("convert", ("ema_model", "model")), ("keep", ("target", "source"))]
)
def test_a_teacher_may_be_that_of_other_models_as_well(
    verdict: str, names: tuple[str, str]
) -> None:
    mine, theirs = names
    check(
        CLASSIFIER.format(verdict)
        + BUILD
        + f"""
teacher = copy.deepcopy(model)
other = nn.Sequential(nn.Conv2d(8, 8, 1))
def update({mine}, {theirs}):
    for m2, m1 in zip({mine}.named_modules(), {theirs}.named_modules()):
        m2[1].load_state_dict(m1[1].state_dict())
update(teacher, model)
update(other, model)
"""
    )


def test_layers_that_a_file_fills_as_well_are_not_new() -> None:
    check(
        CLASSIFIER.format("unknown")
        + BUILD
        + """
teacher = copy.deepcopy(model)
def update(model, teacher):
    for m2, m1 in zip(teacher.modules(), model.modules()):
        m2.load_state_dict(m1.state_dict())
update(model, teacher)
update(torch.load('whole.pt'), teacher)
"""
    )


def _repository(verdict: str, code: str) -> str:
    train = "from net import Net\n" + textwrap.dedent(code)
    return f"-- net.py --\n{NET.format(verdict)}-- train.py --\n{train}"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("torch.zeros_like(module.running_mean)", "unknown"),
        ("torch.randn_like(module.running_mean)", "unknown"),
        ("torch.abs(module.running_mean)", "keep"),
    ],
)
def test_what_only_has_the_size_of_weights_is_none(value: str, expected: str) -> None:
    code = f"""\
import torchvision
model = Net() if args.own else torchvision.models.vgg16_bn(pretrained=True)
for module in model.modules():
    module.running_mean = {value}
"""
    check(NET.format(expected) + code)
