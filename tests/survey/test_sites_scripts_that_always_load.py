"""Training that always begins with a file for a whole model, whatever that is called."""

from __future__ import annotations

import pytest

from tests.survey.test_sites_warm_starts import HELPER, OPTIMIZER, verdict

_FITTING = """\
net, saved = Net(), torch.load('seg.pth')
own = net.state_dict()
{merge}
net.load_state_dict({state}, strict=False)
"""


@pytest.mark.parametrize(
    "script",
    [
        "net = Net()\nnet.load_state_dict(torch.load('seg.pth'))",
        "FILE = 'seg.pth'\nnet = Net()\nnet.load_state_dict(torch.load(FILE)['model'])",
        "net = Net()\nsaved = torch.load('seg.pth', map_location='cpu')\n"
        "net.load_state_dict(saved['state_dict'])",
        _FITTING.format(
            merge="for key in list(saved):\n    if saved[key].shape != own[key].shape:\n"
            "        saved.pop(key)",
            state="saved",
        ),
        _FITTING.format(
            merge="own.update({k: v for k, v in saved.items() if v.shape == own[k].shape})",
            state="own",
        ),
        HELPER.format(name="load") + "load(net, 'seg.pth')",
        # Whatever its name,
        "net = Net()\nnet.load_state_dict(torch.load(args.file))",
        "net = Net()\nnet.load_state_dict(torch.load('runs/%s' % args.name))",
        "net = Net()\nnet.load_state_dict(torch.load(sys.argv[2])['model'], strict=False)",
        HELPER.format(name="load") + "load(net, args.file)",
        # in a method of the model, or in a lambda.
        "load = lambda net, path: net.load_state_dict(torch.load(path))\nnet = Net()\n"
        "load(net, args.file)",
        "class Loading(Net):\n    def load(self, path):\n"
        "        self.load_state_dict(torch.load(path))\nnet = Loading()\nnet.load('w/seg.pt')",
        # in whatever stands around it, so long as it is read,
        "net = Net()\nwith open(args.file, 'rb') as file:\n"
        "    net.load_state_dict(torch.load(file))",
        "net = Net()\nfor path in ('trunk.pth', args.file):\n"
        "    net.load_state_dict(torch.load(path), strict=False)",
        "net, saved = Net(), torch.load(args.file)\nif 'model' in saved:\n"
        "    net.load_state_dict(saved['model'])\nelse:\n    net.load_state_dict(saved)",
        "net = Net()\nif args.cpu:\n    saved = torch.load(args.file, map_location='cpu')\n"
        "else:\n    saved = torch.load(args.file)\nnet.load_state_dict(saved)",
        "net = Net()\nif path := args.file:\n    net.load_state_dict(torch.load(path))\n"
        "else:\n    raise ValueError",
        "net = Net()\nif not args.file:\n    sys.exit(1)\nelse:\n"
        "    net.load_state_dict(torch.load(args.file))",
        "net = Net()\ntry:\n    net.load_state_dict(torch.load(args.file))\n"
        "except FileNotFoundError:\n    raise SystemExit('no file')",
        "net, saved = Net(), torch.load(args.file)\ntry:\n    net.load_state_dict(saved)\n"
        "except RuntimeError:\n    net.load_state_dict({k[7:]: v for k, v in saved.items()})",
        "net = Net()\nif dist.get_rank() == 0:\n    net.load_state_dict(torch.load(args.file))",
        "net = Net()\nif is_main_process():\n    net.load_state_dict(torch.load(args.file))",
        "def load(path):\n    net = Net()\n    with torch.no_grad():\n"
        "        net.load_state_dict(torch.load(path))\n    return net\nnet = load(args.file)",
        # What an option asks for later is another file.
        "net = Net()\nnet.load_state_dict(torch.load('seg.pth'))\n"
        "if args.resume:\n    net.load_state_dict(torch.load(args.resume))",
    ],
)
def test_script_that_always_begins_with_a_file(script: str) -> None:
    verdict(script, "unknown")


@pytest.mark.parametrize(
    "script",
    [
        # It is asked for, or there at times.
        "net = Net()\nif args.go_on:\n    net.load_state_dict(torch.load('last.pth'))",
        "net = Net()\nif os.path.exists('last.pth'):\n"
        "    net.load_state_dict(torch.load('last.pth'))",
        "net = Net()\ntry:\n    net.load_state_dict(torch.load('last.pth'))\n"
        "except FileNotFoundError:\n    pass",
        "net, saved = Net(), torch.load(args.file)\nif args.go_on:\n    net.load_state_dict(saved)",
        "net = Net()\nwith suppress(OSError):\n    net.load_state_dict(torch.load('last.pth'))",
        "net = Net()\ntry:\n    net.load_state_dict(torch.load('last.pth'))\n"
        "except FileNotFoundError:\n    print('from scratch')",
        "net = Net()\nfor path in glob('last*.pth'):\n    net.load_state_dict(torch.load(path))",
        "net = Net()\nfor path in ('last.pth', 'best.pth'):\n    if not os.path.exists(path):\n"
        "        continue\n    net.load_state_dict(torch.load(path))",
        "net = Net()\nif args.a:\n    net.load_state_dict(torch.load(args.a))\n"
        "elif args.b:\n    net.load_state_dict(torch.load(args.b))",
        "net = Net()\nif args.rank:\n    net.load_state_dict(torch.load('last.pth'))",
        "net = Net()\nif args.rank == 0 and args.go_on:\n"
        "    net.load_state_dict(torch.load('last.pth'))",
        "def load(model, path):\n    with open(path, 'rb') as file:\n"
        "        if not file.read(1):\n            return\n"
        "        model.load_state_dict(torch.load(file))\nnet = Net()\nload(net, args.file)",
        "def load(model, path):\n    if not path:\n        return\n"
        "    model.load_state_dict(torch.load(path))\nnet = Net()\nload(net, args.file)",
        "def load(model, path):\n    if os.path.exists(path):\n"
        "        model.load_state_dict(torch.load(path))\nnet = Net()\nload(net, args.file)",
        # It says that it goes on, or restores the optimizer.
        "net = Net()\nnet.load_state_dict(torch.load('snapshot.pth'))",
        "net, saved = Net(), torch.load('last.pth')\nnet.load_state_dict(saved['net'])\n"
        "optimizer.load_state_dict(saved['optim'])",
        # It is loaded to be tested.
        "def test():\n    net = Net()\n    net.load_state_dict(torch.load('best.pth'))\n"
        "net = Net()",
    ],
)
def test_script_that_need_not_begin_with_it(script: str) -> None:
    verdict(script, "convert")


_TRAINING = "\nfor x in data:\n    net(x).sum().backward()\n"


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("net.load_state_dict(torch.load(args.file))" + _TRAINING, "unknown"),
        # It need not be loaded, the training goes on, or is over.
        ("if args.file:\n    net.load_state_dict(torch.load(args.file))" + _TRAINING, "convert"),
        (
            "saved = torch.load(args.file)\nnet.load_state_dict(saved['net'])\n"
            "optimizer.load_state_dict(saved['optim'])" + _TRAINING,
            "convert",
        ),
        (_TRAINING + "net.load_state_dict(torch.load('best.pth'))", "convert"),
        ("net.load_state_dict(torch.load('best.pth'))", "convert"),
    ],
)
def test_file_that_is_loaded_after_the_optimizer_is_made(after: str, expected: str) -> None:
    verdict("net = Net()", expected, f"{OPTIMIZER}\n{after}")
