"""Titles: names of figures in words, with the usual spelling of abbreviations."""

from collections.abc import Mapping

ABBREVIATIONS: Mapping[str, str] = {
    "asr": "ASR",
    "auc": "AUC",
    "auroc": "AUROC",
    "cka": "CKA",
    "fnr": "FNR",
    "fpr": "FPR",
    "iou": "IoU",
    "kl": "KL",
    "l1": "L1",
    "l2": "L2",
    "linf": "L∞",
    "mad": "MAD",
    "mse": "MSE",
    "pca": "PCA",
    "percent": "%",
    "psnr": "PSNR",
    "roc": "ROC",
    "ssim": "SSIM",
    "svd": "SVD",
    "tnr": "TNR",
    "tpr": "TPR",
    "tsne": "t-SNE",
    "umap": "UMAP",
}
"""The spelling of abbreviations and symbols."""
UNCHANGED = ("p-value", "t-SNE")
"""Words that do not get a capital letter at the beginning of a sentence."""


def title_of(name: str) -> str:
    """Return a name in words, with the usual spelling of abbreviations.

    >>> title_of("mask_precision"), title_of("tpr_at_1_percent_fpr"), title_of("p_value"), title_of("penultimate_cka")
    ('mask precision', 'TPR at 1 % FPR', 'p-value', 'penultimate CKA')
    """
    words = [ABBREVIATIONS.get(word, word) for word in name.split("_")]
    return " ".join(words).replace("p value", "p-value")


def capitalised(words: str) -> str:
    """Return text with a capital letter at the beginning. The names of components, with underscores, do not change.

    >>> capitalised("mask precision"), capitalised("p-value"), capitalised("neural_cleanse: p-value")
    ('Mask precision', 'p-value', 'neural_cleanse: p-value')
    """
    first = words.partition(" ")[0]
    return words if words.startswith(UNCHANGED) or "_" in first else words[:1].upper() + words[1:]
