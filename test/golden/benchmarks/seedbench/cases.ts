import { choiceCase } from "../case-maker.ts";

export const makeCase = choiceCase(4);
