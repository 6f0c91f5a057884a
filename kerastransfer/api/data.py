"""Images in: `load`, `convert` and `inspect`."""

from kerastransfer.api.given import Data, Location, dataset_of, records_folder_of
from kerastransfer.records.reader import Records, find_or_convert


def load(
    data: Data,
    *,
    archives: Location | None = None,
    records: Location | None = None,
) -> Records:
    """Open a dataset's records; convert it first where its images are at hand.

    Parameters
    ----------
    data : str, path, pandas.DataFrame or pair of arrays
        As for `train`.
    archives : path, optional
        Folder of the dataset's published files.
    records : path, optional
        Folder of converted datasets; by default ``$KERASTRANSFER_HOME/records``.

    Raises
    ------
    MissingError
        If there are no records and the images are not at hand.
    DataError
        If the images or the records cannot be used.
    """
    return find_or_convert(dataset_of(data, archives), records_folder_of(data, records))
