"""Everything that can go wrong, as one tree.

The docstring of a class is its message where none is given. `retryable` says whether the same request can
succeed later without being changed. `code` is stable: it is stored with a failed inspection and names the problem
to clients.
"""

from typing import ClassVar


class AoiError(Exception):
    """Something went wrong in aoi; look at its log."""

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False

    inspection_id: str | None = None
    """Set where the upload was kept in spite of the error."""

    def __init__(self, detail: str | None = None, *, retry_after: float | None = None) -> None:
        """`detail` says what happened and what to do; `retry_after` is in seconds, where it is known."""
        self.detail = detail or (type(self).__doc__ or "").strip()
        self.retry_after = retry_after
        super().__init__(self.detail)


class UploadRejected(AoiError):
    """The upload was refused, and nothing of it was kept."""

    code = "upload-rejected"


class InvalidFilename(UploadRejected):
    """The file has no usable name. Send a name of 1 to 255 printable characters."""

    code = "invalid-filename"


class InvalidLabels(UploadRejected):
    """A label is not 1 to 128 printable characters long. Correct it, or leave it out."""

    code = "invalid-labels"


class UploadInterrupted(UploadRejected):
    """The upload ended before it was complete. Send it again."""

    code = "upload-interrupted"
    retryable = True


class ImageRejected(UploadRejected):
    """The image cannot be inspected, and nothing of it was kept."""

    code = "image-rejected"


class EmptyImage(ImageRejected):
    """The image is empty (0 bytes). Send the file's content."""

    code = "empty-image"


class UnsupportedMediaType(ImageRejected):
    """The content is not a JPEG, PNG, TIFF or BMP image. Convert it; its name does not matter."""

    code = "unsupported-media-type"


class ImageTooLarge(ImageRejected):
    """The image has more bytes than AOI_MAX_IMAGE_MB allows. Compress it, or raise the limit."""

    code = "image-too-large"


class TooManyPixels(ImageRejected):
    """The image has more pixels than AOI_MAX_IMAGE_MEGAPIXELS allows. Crop it, or raise the limit."""

    code = "too-many-pixels"


class CorruptImage(ImageRejected):
    """The image is corrupt or truncated. Send the whole file again."""

    code = "corrupt-image"


class SeveralFrames(ImageRejected):
    """The file holds several frames or pages. Send each as an image of its own."""

    code = "several-frames"


class UnsupportedPixels(ImageRejected):
    """The engine would have to alter these pixels before it could inspect them. Convert the image yourself."""

    code = "unsupported-pixels"


class InferenceFailed(AoiError):
    """The engine could not inspect the image. The upload is kept and can be retried."""

    code = "inference-failed"
    retryable = True


class EngineUnavailable(InferenceFailed):
    """The engine cannot be reached or is not ready. Check AOI_INFERENCE_URL and the service behind it, then retry."""

    code = "engine-unavailable"


class EngineTimedOut(InferenceFailed):
    """The engine did not answer in time. Check its load, or raise AOI_INFERENCE_DEADLINE, then retry."""

    code = "engine-timed-out"


class EngineRefused(InferenceFailed):
    """The engine refused the image. Check that AOI_INFERENCE_URL names the right service, then retry."""

    code = "engine-refused"


class EngineFailed(InferenceFailed):
    """The engine failed on this image. Look at the engine's own log, then retry."""

    code = "engine-failed"


class InvalidEngineAnswer(InferenceFailed):
    """The engine's answer breaks its contract. Check that AOI_INFERENCE_URL names the right service and version."""

    code = "invalid-engine-answer"


class TooManyRegions(InferenceFailed):
    """The engine found more regions than AOI_MAX_REGIONS allows. Raise the limit, or check focus and recipe."""

    code = "too-many-regions"


class RepeatedlyInterrupted(InferenceFailed):
    """Three attempts at this image each ended with the process. Look at the log before you retry it."""

    code = "repeatedly-interrupted"


class StorageUnavailable(AoiError):
    """The file store cannot be read or written. Check AOI_STORAGE_URL and the disk or service behind it."""

    code = "storage-unavailable"
    retryable = True


class StorageFull(AoiError):
    """No space is left to store the files. Free some space below AOI_STORAGE_URL, then retry."""

    code = "storage-full"
    retryable = True


class StoredFileMissing(AoiError):
    """The file is not in the store."""

    code = "file-missing"


class DatabaseUnavailable(AoiError):
    """The database cannot be reached or does not answer. Check AOI_DATABASE_URL, then retry."""

    code = "database-unavailable"
    retryable = True


class InspectionNotFound(AoiError):
    """There is no inspection with this id."""

    code = "inspection-not-found"


class InspectionNotFailed(AoiError):
    """Only a failed inspection can be retried."""

    code = "inspection-not-failed"


class InspectionChanged(AoiError):
    """Another worker has taken this inspection over. Ask for its state."""

    code = "inspection-changed"
