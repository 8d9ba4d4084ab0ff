"""A third task in one file: each picture's brightness, by any classifier, as one class against the others.

Its criterion is to fall, its epochs have no confusion matrix, and its page is the plain one.
"""

from __future__ import annotations

import numpy as np
import paddle.nn.functional as F

from paddle_eye.engine.objective import Objective, as_tensor
from paddle_eye.inference.predictor import Predictor
from paddle_eye.report import plots
from paddle_eye.report.compare import Comparison, Tested
from paddle_eye.report.finished import notice, seen_from, write_predictions
from paddle_eye.report.page import figure
from paddle_eye.report.table import ORIGIN, aligned, origin, share
from paddle_eye.tasks.classification import ClassificationTask


class ToyObjective(Objective):
    criterion = "brier"
    higher_is_better = False
    figure_names = ("loss", "brier")

    def targets(self, targets):
        return as_tensor(targets).astype("int64").reshape([-1])

    def predict(self, model, inputs):
        return model(as_tensor(inputs))

    def loss(self, predicted, targets):
        return self.training_terms(predicted, targets)["loss"]

    def outputs(self, predicted):
        return F.sigmoid(predicted).numpy()

    def training_terms(self, outputs, targets):
        wanted = F.one_hot(targets, outputs.shape[1])
        return {"loss": F.binary_cross_entropy_with_logits(outputs, wanted)}

    def tally(self, outputs, targets):
        wanted = F.one_hot(targets, outputs.shape[1])
        return np.array([(F.sigmoid(outputs) - wanted).square().sum().item(), outputs.size])

    def training_figures(self, tally):
        return {"brier": float(tally[0] / tally[1])}

    def score(self, evaluation):
        labels, outputs = np.stack(evaluation.targets), np.stack(evaluation.outputs)
        brier = float(np.square(outputs - np.eye(outputs.shape[1])[labels]).mean())
        return {"loss": evaluation.loss, "brier": brier}

    def figures(self, evaluation):
        return {"images": len(evaluation.targets), **self.score(evaluation)}


class ToyTask(ClassificationTask):
    name = "toy"
    own_settings = frozenset({"data.preset", "train.pretrained", "train.freeze"})
    template = "page.html"
    comparison = Comparison(
        header=("Brier score",),
        row=lambda run: (share(run.figures["brier"]),),
        main="Brier score",
        other="loss",
        drawn=lambda run: (run.figures["brier"], [run.figures["brier"]] * 2, run.figures["loss"]),
        test=lambda first, second: Tested("no test", "nothing is counted", 1.0, 0.0),
        same=["image"],
        needed=[],
    )

    def objective(self, model, training):
        return ToyObjective()

    def facts(self, data):
        return {}

    def write_predictions(self, run, results, evaluations):
        images = [seen_from(self.location.path, record.image) for record in self.parts.validation.records]
        for which, evaluation in evaluations.items():
            first = [each[0] for each in evaluation.outputs]
            write_predictions(run.predictions(which), images, None, {"first": first})

    def pictures(self, run, results, history, data, best, model):
        return {run.curves: plots.curves(history, "brier", "validation images", notice(results), False)}

    @staticmethod
    def report(results):
        rows = [("Brier score", [figure(results[which]["brier"]) for which in ("best", "last")])]
        return {"criterion": "Brier score", "figures": rows}

    table_columns = (("brier", "Brier score"),)

    @staticmethod
    def table_figures(figures):
        return {"brier": figures["brier"], "loss": figures["loss"]}

    @staticmethod
    def table_pictures(runs, histories):
        return {}

    @staticmethod
    def main_figure(results, figures):
        return f"Brier score {figures['brier']:.5f}"

    @staticmethod
    def measured(path, opened, place):
        return ClassificationTask.measured(path, opened, place)._replace(objective=ToyObjective())

    @staticmethod
    def statistics(classes):
        return {}

    @staticmethod
    def evaluation_table(rows):
        return aligned([(*ORIGIN, "Brier score"), *((*origin(row), share(row["brier"])) for row in rows)])

    @staticmethod
    def evaluation_line(row):
        return f"[validation]:===model:{row['model']}===brier:{row['brier']:.5f}"

    @staticmethod
    def trained(source, network):
        return Predictor.of(source, network)
