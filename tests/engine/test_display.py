import inspect

from paddle_eye.engine.display import ConsoleDisplay, Display, Displays

ROW = {"epoch": 1, "accuracy": 0.75, "loss": 0.5, "train_loss": 0.6, "seconds": 12.4}


def test_without_a_terminal_an_epoch_is_one_line(capsys):
    display = ConsoleDisplay()
    display.evaluated({**ROW, "epoch": 0}, "accuracy")
    for index, _ in enumerate(display.training(1, 20, [1, 2, 3], accumulate=1)):
        display.step(1, index, 0.7, 0.016)
    display.evaluated(ROW, "accuracy")
    display.epoch_done(ROW, "accuracy", best=0.8)
    out, err = capsys.readouterr()
    assert err == ""
    assert out.splitlines() == [
        "before training   accuracy 0.7500  loss 0.5000",
        "epoch   1  train loss 0.6000  accuracy 0.7500 (best 0.8000)  loss 0.5000  12 s",
    ]


def test_on_a_terminal_a_bar_shows_loss_and_rate(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    display = ConsoleDisplay()
    for index, _ in enumerate(display.training(2, 20, [1, 2, 3], accumulate=1)):
        display.step(2, index, 0.7, 0.016)
        display._bar.refresh()
    bar = capsys.readouterr().err
    assert "epoch 2/20" in bar
    assert "loss=0.7000" in bar
    assert "waiting=2%" in bar
    assert "batch" in bar


def test_several_displays_hear_everything():
    heard = []

    def hearing(who, name):
        def hear(self, *arguments):
            heard.append((who, name, arguments))
            return f"batches by {who}"

        return hear

    hooks = {name: inspect.signature(hook) for name, hook in vars(Display).items() if not name.startswith("_")}
    first, second = (type(who, (Display,), {name: hearing(who, name) for name in hooks})() for who in "AB")
    together = Displays(first, second)
    for name, signature in hooks.items():
        arguments = tuple(list(signature.parameters)[1:])
        getattr(together, name)(*arguments)
        passed_on = tuple("batches by A" if argument == "batches" else argument for argument in arguments)
        assert heard[-2:] == [("A", name, arguments), ("B", name, passed_on)]
    assert len(heard) == 2 * len(hooks)
