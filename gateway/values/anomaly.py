"""What was odd about an answer that was taken all the same. A closed vocabulary: it is a metric's label."""

import enum


class Anomaly(enum.Enum):
    """Each is counted, and stands on the attempt's record."""

    NO_TERMINATOR = "no_terminator"  # a stream that was complete and ended without [DONE]
    UNKNOWN_FINISH_REASON = "unknown_finish_reason"  # none that this vendor is known to say
    ODD_USAGE = "odd_usage"  # a count that is none, or is missing: what could be read of the usage was
    USAGE_REPEATED = "usage_repeated"  # more than once, or in a place where OpenAI has none
    CONTENT_AFTER_FINISH = "content_after_finish"  # dropped: the choice had ended
    FORMAT_UNMET = "format_unmet"  # it is not the JSON that was asked for
    NOT_STREAMED = "not_streamed"  # a stream was asked for, and a whole answer came
    VECTORS_PUT_IN_ORDER = "vectors_put_in_order"  # embeddings came in another order, or form, than was asked for
