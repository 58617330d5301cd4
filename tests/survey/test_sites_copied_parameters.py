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


def _repository(verdict: str, code: str) -> str:
    train = "from net import Net\n" + textwrap.dedent(code)
    return f"-- net.py --\n{NET.format(verdict)}-- train.py --\n{train}"
