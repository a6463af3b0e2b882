/** Every type of mmproj that is read, a line a file. */

export { gemma3Mmproj } from "../gemma3/mmproj.ts";
export { glm4vMmproj } from "../glm4v/mmproj.ts";
export { idefics3Mmproj } from "../idefics3/mmproj.ts";
export { internVlMmproj } from "../intern-vit/mmproj.ts";
export { janusMmproj } from "../janus/mmproj.ts";
export { lfm2Mmproj } from "../lfm2-vl/mmproj.ts";
export { llavaMmproj } from "../llava/mmproj.ts";
export { lightOnOcrMmproj, pixtralMmproj } from "../pixtral/mmproj.ts";
export { qwen25VlMmproj } from "../qwen2-5-vl/mmproj.ts";
export { qwen2VlMmproj } from "../qwen2-vl/mmproj.ts";
export { qwen3VlMmproj } from "../qwen3-vl/mmproj.ts";
