"""What a cosine distance says beside the study's tables, and when it says nothing."""

import dataclasses

from kerastransfer.advice import matrix
from kerastransfer.advice.matrix import Advice
from kerastransfer.distances import published, samples
from kerastransfer.evaluation.intervals import Estimate


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Where a target falls, or why there is no verdict.

    Parameters
    ----------
    place : str
        Among the study's datasets; empty without a verdict.
    advice : tuple of Advice
        The study's for that distance and number of images, for every distance in the
        interval; empty where no number was given or there is no verdict.
    abstained : str
        Why there is no verdict; else empty.
    """

    place: str
    advice: tuple[Advice, ...]
    abstained: str


def judge(
    cosine: Estimate, images_per_class: int | None = None, *, source: str = ""
) -> Verdict:
    """Place a target among the published ones and look the study's advice up.

    Parameters
    ----------
    cosine : Estimate
        The corrected cosine distance.
    images_per_class : int, optional
        Labelled training images.
    source : str
        Names the source where it is not what the backbone was pretrained on: then the
        published distances, which are from ImageNet, say nothing of it.

    Raises
    ------
    InputError
        If `images_per_class` is below 1.
    """
    low, value, high = (min(c, 1.0) for c in (cosine.low, cosine.value, cosine.high))
    advice: tuple[Advice, ...] = ()
    if images_per_class is not None:
        advice = matrix.recommend_between(low, high, images_per_class)
    if cosine.n < samples.ENOUGH:
        reason = f"no verdict below {samples.ENOUGH} images, and there are {cosine.n}"
        return Verdict(place="", advice=(), abstained=reason)
    if source:
        reason = (
            f"no verdict: the study's distances are from what the network was "
            f"pretrained on, and {source} is another source (if it is not, say "
            "--pretraining-source)"
        )
        return Verdict(place="", advice=(), abstained=reason)
    place = published.place(value)
    ends = dict.fromkeys(published.place(end) for end in (low, high))
    others = [end for end in ends if end != place]
    if others:
        place += f" (or, within the interval, {' or '.join(others)})"
    return Verdict(place=place, advice=advice, abstained="")
