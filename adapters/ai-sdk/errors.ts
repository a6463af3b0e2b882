import { InvalidArgumentError, InvalidPromptError, UnsupportedFunctionalityError } from "@ai-sdk/provider";
import { VqraeError } from "../../sdk/index.ts";

/** A failure as the AI SDK's class for it, where there is one; the signal's reason and others stay as they are. */
export function toAiSdkError(error: unknown, prompt: unknown): unknown {
  if (!VqraeError.isInstance(error)) return error;
  const { code, message } = error;
  switch (code) {
    case "INVALID_ARGUMENT":
      return new InvalidArgumentError({ argument: "options", message, cause: error });
    case "INVALID_IMAGE":
    case "IMAGE_TOO_LARGE":
    case "CONTEXT_OVERFLOW":
      return new InvalidPromptError({ prompt, message, cause: error });
    case "UNSUPPORTED":
      return new UnsupportedFunctionalityError({ functionality: code, message });
    default:
      return error;
  }
}
