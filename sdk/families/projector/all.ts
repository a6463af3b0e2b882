/** Every family of projectors that `loadProjector` knows by itself, a line a file. */

export { gemma3 } from "../gemma3/projector.ts";
export { glm4vProjector, glmOcrProjector } from "../glm4v/projector.ts";
export { idefics3 } from "../idefics3/projector.ts";
export { internVl, internVlChat } from "../intern-vit/projector.ts";
export { janus } from "../janus/projector.ts";
export { lfm2Vl } from "../lfm2-vl/projector.ts";
export { llava, llavaNext, originalLlava } from "../llava/projector.ts";
export { lightOnOcr, mistral3 } from "../pixtral/projector.ts";
export { qwen25VlProjector } from "../qwen2-5-vl/projector.ts";
export { qwen2VlProjector } from "../qwen2-vl/projector.ts";
export { qwen3VlProjector } from "../qwen3-vl/projector.ts";
export { vqraeProjector } from "../vqrae/projector.ts";
