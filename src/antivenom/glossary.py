"""The words of the field, as antivenom uses them: one meaning each. The documentation and the command show them."""

from dataclasses import dataclass

from antivenom.errors import UnknownTermError
from antivenom.registry import did_you_mean


@dataclass(frozen=True)
class Term:
    """A word and its meaning.

    Args:
        name: the word.
        meaning: one to three sentences.
        see: other words that belong to it.
        also: other names of the same thing, in papers and other libraries.
    """

    name: str
    meaning: str
    see: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


def find_term(word: str) -> Term:
    """The term of that name, or of which it is another name; case, hyphens and underscores do not matter.

    Raises:
        UnknownTermError: the glossary does not have it; the message names the nearest.

    >>> find_term("ASR").name
    'attack success rate'
    """
    wanted = _plain(word)
    for term in TERMS:
        if wanted in map(_plain, (term.name, *term.also)):
            return term
    known = [name for term in TERMS for name in (term.name, *term.also)]
    raise UnknownTermError(
        f"The glossary has no '{word}'.{did_you_mean(word, known)} `antivenom glossary` lists all terms."
    )


def _plain(word: str) -> str:
    return " ".join(word.lower().replace("-", " ").replace("_", " ").split())


TERMS = (
    Term(
        "accuracy drop",
        "Clean accuracy of the control minus that of the victim, in points. For a repair: before minus after.",
        ("clean accuracy", "control"),
    ),
    Term(
        "analysis",
        "A component that describes what victim and control have learned. It knows the truth. It is not a defence.",
        ("victim", "control"),
    ),
    Term(
        "arrival",
        "The order in which an attacker's rows come in among the rows of a stream: at one point, spread, or in bursts.",
        ("stream",),
    ),
    Term(
        "attack",
        "A component that changes a training set. It returns the poisoned set and the truth about it.",
        ("poison", "goal", "budget"),
    ),
    Term(
        "attack success rate",
        "The share of attacked test rows for which the attacker gets what the goal wants. Test rows that "
        "already belong to the target class are left out.",
        ("goal", "target class"),
        ("ASR",),
    ),
    Term(
        "AUROC",
        "The area under the curve of true positives against false positives: the chance that a poisoned row has "
        "a higher score than a clean one. 50 % is guessing. It needs no threshold.",
        ("detector", "true-positive rate"),
        ("AUC",),
    ),
    Term(
        "availability attack",
        "An attack that makes the model worse on all inputs.",
        ("backdoor", "targeted attack"),
        ("indiscriminate attack",),
    ),
    Term(
        "backdoor",
        "A behaviour that a model shows only where an input carries the trigger. Without the trigger the model seems "
        "normal.",
        ("trigger", "attack success rate"),
        ("trojan",),
    ),
    Term(
        "boundary",
        "The line, or the surface, between the inputs of two predicted classes. Poison moves it.",
        (),
        ("decision boundary",),
    ),
    Term(
        "bounds",
        "The smallest and the largest legal value of the inputs, as a classifier receives them.",
    ),
    Term(
        "budget",
        "How many rows an attack may change or add, as a rate or as a count, and which rows.",
        ("rate", "mode"),
    ),
    Term(
        "cell",
        "One experiment of a grid.",
        ("grid", "experiment"),
    ),
    Term(
        "chaff",
        "Rows that an attacker chooses and appends to the data, to shift the boundary of a model that learns "
        "online. The attacks `chaff` and `aimed_chaff` add them.",
        ("poison", "boundary", "stream"),
    ),
    Term(
        "chart",
        "A picture that a component reports, as data. The report draws it. Numbers are called figures.",
        ("figure",),
    ),
    Term(
        "checkpoint",
        "The weights of a model at one moment of its training.",
    ),
    Term(
        "classifier",
        "A model that can be used: it gives one score for each class. Every `nn.Module`, scikit-learn estimator and "
        "Keras model becomes one.",
        ("model",),
    ),
    Term(
        "clean accuracy",
        "The share of untouched test rows that the model classifies correctly.",
        ("accuracy drop",),
        ("CA", "benign accuracy"),
    ),
    Term(
        "clean-label attack",
        "An attack that keeps all labels. Only inputs change.",
    ),
    Term(
        "component",
        "A class with settings and one method, in one file: an attack, a detector, a model and so on. `antivenom list` "
        "shows all.",
    ),
    Term(
        "conformance check",
        "A test that every component of a kind must pass, such as: the same seed gives the same result.",
    ),
    Term(
        "control",
        "The counterpart of the victim: the same training, with the same random numbers, on clean data. The "
        "difference between the two is what the poison did.",
        ("victim",),
    ),
    Term(
        "cover rows",
        "Training rows that carry the trigger and keep their true label. They teach the model to ignore the trigger "
        "alone, and make the attack harder to detect. They do not count as poison.",
        ("poison", "rate"),
        ("cover", "noise mode", "regularisation samples"),
    ),
    Term(
        "coverage",
        "The share of inputs that a filter, or a classifier that may abstain, accepts.",
        ("filter",),
    ),
    Term(
        "data set",
        "Whole tensors of inputs and labels, with an id for each row.",
    ),
    Term(
        "detector",
        "A defence that scores the rows of a training set. A higher score is more suspicious.",
        ("threshold", "false-positive rate"),
    ),
    Term(
        "defence",
        "A detector, a filter, a scan, or a stream defence. A defence never sees the truth: only a classifier "
        "and the data that a defender would have.",
        ("detector", "filter", "scan", "stream defence", "truth"),
        ("defense",),
    ),
    Term(
        "doubts",
        "Warnings that a run writes about its own result, such as: the test set is small.",
    ),
    Term(
        "experiment",
        "A data set, a model, an attack, a training and the defences, over several seeds.",
        ("repeat", "spec"),
    ),
    Term(
        "false-alarm rate",
        "The chance that a clean row is flagged. For a scan: the chance that any class of a clean model is flagged.",
        ("verdict", "false-positive rate"),
        ("family-wise error rate", "FWER"),
    ),
    Term(
        "false-positive rate",
        "The share of clean rows or inputs that a detector or a filter flagged.",
        ("true-positive rate", "threshold"),
        ("FPR",),
    ),
    Term(
        "figure",
        "A number that a component reports, with its name, unit and direction (pictures are called charts). "
        "`metrics.json` contains all of them.",
        ("chart",),
    ),
    Term(
        "filter",
        "A defence at prediction time. It accepts or rejects each input.",
        ("coverage",),
    ),
    Term(
        "goal",
        "What an attacker wants at test time, and how success is measured: a backdoor, a targeted error, or "
        "less accuracy.",
        ("attack success rate", "backdoor", "targeted attack", "availability attack"),
    ),
    Term(
        "grid",
        "A spec in which some keys have several values. Each combination is a cell.",
        ("cell", "sweep"),
    ),
    Term(
        "held-out rows",
        "Rows on which a model is not trained, so that the model can be measured on them.",
        ("trusted rows",),
    ),
    Term(
        "inconclusive",
        "The scan could not decide about this class or model. It is neither flagged nor cleared.",
        ("verdict",),
    ),
    Term(
        "interval",
        "The 95 % interval of a figure over the repeats (Student's t). It shows how much the figure depends "
        "on the seed. It needs at least two repeats.",
        ("repeat", "seed"),
        ("confidence interval",),
    ),
    Term(
        "mode",
        "Whether an attack's rows replace rows of the data set or are appended to it.",
        ("budget",),
    ),
    Term(
        "model",
        "A component that builds a classifier with random weights: an architecture.",
        ("classifier",),
        ("architecture",),
    ),
    Term(
        "p-value",
        "The chance that a clean model gives a statistic at least as suspicious as this one. Small values are "
        "suspicious. A scan corrects its p-values for the number of classes.",
        ("false-alarm rate", "verdict"),
    ),
    Term(
        "poison",
        "The rows that the attacker changed or added in order to do harm.",
        ("cover rows", "rate"),
    ),
    Term(
        "poison unchanged",
        "The share of poison rows that are identical to their original rows, including the label.",
        ("poison",),
    ),
    Term(
        "rate",
        "The share of the final training set that is poison. Cover rows are not counted.",
        ("budget", "poison", "cover rows"),
        ("poison rate", "poisoning rate"),
    ),
    Term(
        "repair",
        "A component that takes a classifier and returns a new one without the backdoor, using the defender's "
        "clean rows.",
        ("trusted rows", "verdict"),
        ("mitigation", "backdoor removal"),
    ),
    Term(
        "repeat",
        "The same experiment with another seed. Intervals are over repeats.",
    ),
    Term(
        "report",
        "One HTML file about a finished run. It has no script and needs no network.",
    ),
    Term(
        "scan",
        "A defence that looks for a backdoor in a model. It returns a verdict.",
        ("verdict", "recovered trigger"),
        ("model inspection", "trojan detection"),
    ),
    Term(
        "seed",
        "The number from which all random numbers of a run come. The same spec and the same seed give the "
        "same numbers.",
        ("repeat",),
        ("random state",),
    ),
    Term(
        "source class",
        "A class whose rows the attacker wants to be misclassified. Where none is named, all classes but the target.",
        ("target class",),
    ),
    Term(
        "spec",
        "A YAML file that names an experiment's components and their settings.",
        ("grid",),
    ),
    Term(
        "store",
        "A folder of finished stages. A run that was stopped continues from it, and runs share what is the same.",
    ),
    Term(
        "stream",
        "A training set whose rows arrive over time, and are learned as they come.",
        ("arrival", "stream defence"),
        ("online learning",),
    ),
    Term(
        "stream defence",
        "A defence that looks back along a stream: it says when the model began to change, and which checkpoint "
        "was last good.",
        ("stream", "checkpoint"),
    ),
    Term(
        "surrogate",
        "The model against which an attacker crafts the poison, because the victim does not exist yet.",
        ("victim",),
    ),
    Term(
        "sweep",
        "All cells of a grid, run one after the other or in several processes.",
        ("grid", "cell"),
    ),
    Term(
        "target class",
        "The class that the attacker wants to be predicted.",
        ("source class",),
    ),
    Term(
        "targeted attack",
        "An attack that wants certain inputs, or certain classes, to be misclassified.",
        ("availability attack",),
        ("integrity attack",),
    ),
    Term(
        "threshold",
        "Rows or inputs with a higher score are flagged. It is set on the defender's clean rows alone, for a promised "
        "false-alarm rate.",
        ("false-alarm rate", "trusted rows"),
    ),
    Term(
        "training",
        "A component that fits a classifier: end to end, online, or by transfer.",
        ("transfer", "stream"),
    ),
    Term(
        "transfer",
        "Training that starts from a network that was trained on other data, and changes only its last layers.",
        (),
        ("fine-tuning", "transfer learning"),
    ),
    Term(
        "trigger",
        "A change of an input that activates a backdoor, such as a small patch.",
        ("backdoor",),
    ),
    Term(
        "trigger lost",
        "The share of triggered test rows that are identical to their clean rows, for example because the trigger "
        "disappears when the rows are stored in the data's precision.",
        ("trigger",),
    ),
    Term(
        "recovered trigger",
        "A mask and a pattern that a scan found for a class. Added to inputs, it sends them to that class.",
        ("scan",),
        ("reverse-engineered trigger",),
    ),
    Term(
        "true-positive rate",
        "The share of poison that a detector flagged.",
        ("false-positive rate",),
        ("TPR", "recall"),
    ),
    Term(
        "trusted rows",
        "Clean rows that the defender has. They are taken from the test set, and nothing is measured on them.",
        ("threshold", "repair"),
        ("clean set", "defence set"),
    ),
    Term(
        "truth",
        "Which rows are poisoned, the goal, the trigger and the target. Only the runner and the analyses know it.",
        ("defence",),
    ),
    Term(
        "verdict",
        "What a scan returns: a statistic, a p-value and a flag for each class or for the model, and what the "
        "scan could not test.",
        ("scan", "false-alarm rate"),
    ),
    Term(
        "victim",
        "The model that is trained on the poisoned data.",
        ("control",),
    ),
    Term(
        "warm-up",
        "Training before a stream begins. The model that results from it then learns from the stream.",
        ("stream", "training"),
    ),
)
