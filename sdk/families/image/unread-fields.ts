import type { UnreadFields } from "../fields/known-section.ts";

/**
 * Fields of a preprocessor_config.json that change no pixel, whatever the class. From transformers 5.18 (`ImagesKwargs` in
 * processing_utils.py, image_processing_utils.py, image_processing_base.py) and 4.57 (`BaseImageProcessorFast`), which wrote
 * all of their arguments, and from published files.
 */
export const unreadFields = {
  "They say which class reads the file.": [
    "image_processor_type",
    "feature_extractor_type",
    "processor_class",
    "auto_map",
    "_auto_class",
    "_valid_processor_keys",
    "_valid_kwargs_names",
    "_name_or_path",
    "transformers_version",
    "use_fast",
    "model_input_names",
  ],
  "They say in which form pixels come and go. Images are read as RGB here always.": [
    "do_convert_rgb",
    "data_format",
    "input_data_format",
    "return_tensors",
    "return_row_col_info",
    "device",
    "disable_grouping",
  ],
  "They count an image's tokens in the prompt.": ["image_seq_length", "image_seq_len", "num_additional_image_tokens"],
  "It counts with do_pad alone, which is refused where it would count.": ["pad_size"],
  "They are for videos.": ["video_sampling"],
} as const satisfies UnreadFields;
