import type { VlmMessage, VlmOptions } from "../../../adapters/vision-language-model.ts";

/** A request as a client's public source makes it today, and the conversation that it means. */
export interface ClientRequest {
  readonly client: string;
  readonly what: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: object;
  readonly messages: readonly VlmMessage[];
  readonly options?: VlmOptions;
  /** Words of the warning header; null for none. */
  readonly warns: RegExp | null;
}

export interface Pictures {
  readonly png: Uint8Array;
  readonly base64: string;
  readonly url: string;
}

const MODEL = "tiny-vlm";
const TOOLS = [
  {
    type: "function",
    function: {
      name: "read_file",
      description: "Reads a file of the workspace",
      parameters: { type: "object", required: ["path"], properties: { path: { type: "string" } } },
      strict: false,
    },
  },
];

export function clientRequests({ png, base64, url }: Pictures): ClientRequest[] {
  const seen = (text: string): VlmMessage => ({ role: "user", content: [text, { image: png }] });
  const seenFirst = (text: string): VlmMessage => ({ role: "user", content: [{ image: png }, text] });
  const part = (fields: object = {}) => ({ type: "image_url", image_url: { url, ...fields } });
  const text = (words: string, fields: object = {}) => ({ type: "text", text: words, ...fields });
  const short = { maxTokens: 8 };
  return [
    {
      // backend/open_webui/routers/openai.py and utils/payload.py: params of the model, and the user's own.
      client: "Open WebUI",
      what: "a chat with a picture",
      path: "/v1/chat/completions",
      headers: { "x-openwebui-user-name": "Ann", "x-openwebui-chat-id": "c1" },
      body: {
        stream: true,
        model: MODEL,
        messages: [
          { role: "system", content: "be brief" },
          { role: "user", content: [text("why"), part()] },
        ],
        stream_options: { include_usage: true },
        max_tokens: 8,
        temperature: 0.8,
        seed: 3,
        top_k: 40,
        min_p: 0,
        repeat_penalty: 1.1,
        frequency_penalty: 0,
        stop: ["never"],
        num_ctx: 2048,
        keep_alive: "5m",
      },
      messages: [{ role: "system", content: "be brief" }, seen("why")],
      options: { ...short, temperature: 0.8, seed: 3, topK: 40, repeatPenalty: 1.1, stop: ["never"] },
      warns: /^num_ctx has no effect here\.$/,
    },
    {
      client: "Open WebUI",
      what: "a title for a chat",
      path: "/v1/chat/completions",
      body: {
        model: MODEL,
        messages: [{ role: "user", content: "Give this chat a title" }],
        stream: false,
        max_completion_tokens: 8,
        metadata: { task: "title_generation", chat_id: "c1" },
      },
      messages: [{ role: "user", content: "Give this chat a title" }],
      warns: null,
    },
    {
      // convert_payload_openai_to_ollama: a penalty of OpenAI's becomes one of Ollama's.
      client: "Open WebUI",
      what: "a chat through Ollama's protocol",
      path: "/api/chat",
      body: {
        model: `${MODEL}:latest`,
        messages: [{ role: "user", content: "why", images: [base64] }],
        stream: true,
        keep_alive: "5m",
        options: { num_predict: 8, temperature: 0.5, seed: 4, repeat_penalty: 0, num_ctx: 4096, mirostat: 0, tfs_z: 1 },
      },
      messages: [seenFirst("why")],
      options: { ...short, temperature: 0.5, seed: 4 },
      warns: null,
    },
    {
      // packages/api/src/endpoints/openai/llm.ts, through LangChain.
      client: "LibreChat",
      what: "a chat with a picture",
      path: "/v1/chat/completions",
      body: {
        model: MODEL,
        user: "66a",
        stream: true,
        temperature: 1,
        top_p: 1,
        presence_penalty: 0.5,
        frequency_penalty: 0.5,
        max_tokens: 8,
        n: 1,
        seed: 2,
        reasoning_effort: "low",
        stream_options: { include_usage: true },
        messages: [
          { role: "system", content: "be brief" },
          { role: "user", content: [text("why"), part({ detail: "auto" })] },
        ],
      },
      messages: [{ role: "system", content: "be brief" }, seen("why")],
      options: { ...short, temperature: 1, topP: 1, seed: 2, presencePenalty: 0.5, frequencyPenalty: 0.5 },
      warns: /^reasoning_effort has no effect here\.$/,
    },
    {
      // danny-avila/agents src/llm/openai/utils, 28eab85: thoughts of the Claude that the chat began with stay in their message.
      client: "LibreChat",
      what: "a chat that began with another model",
      path: "/v1/chat/completions",
      body: {
        model: MODEL,
        user: "66a",
        stream: true,
        max_tokens: 8,
        messages: [
          { role: "user", content: [text("why"), part({ detail: "auto" })] },
          {
            role: "assistant",
            content: [{ type: "thinking", thinking: "let me see", signature: "s" }, text("because")],
          },
          { role: "assistant", content: [{ type: "refusal", refusal: "no" }] },
          { role: "user", content: "how" },
        ],
      },
      messages: [
        seen("why"),
        { role: "assistant", content: ["because"] },
        { role: "assistant", content: ["no"] },
        { role: "user", content: "how" },
      ],
      warns: null,
    },
    {
      // core/llm/openaiTypeConverters.ts, d0a3c0b: an answer of blocks, and the thoughts' fields of DeepSeek and OpenRouter.
      client: "Continue",
      what: "a question after thoughts",
      path: "/v1/chat/completions",
      body: {
        messages: [
          { role: "system", content: "be brief" },
          { role: "user", content: [text("why"), part({ detail: "auto" })] },
          {
            role: "assistant",
            content: [text("because")],
            reasoning_content: "",
            reasoning: "let me see",
            reasoning_details: [{ signature: "s" }],
          },
          { role: "user", content: "how" },
        ],
        model: MODEL,
        max_tokens: 8,
        stream: true,
        stream_options: { include_usage: true },
      },
      messages: [
        { role: "system", content: "be brief" },
        seen("why"),
        { role: "assistant", content: ["because"] },
        { role: "user", content: "how" },
      ],
      warns: null,
    },
    {
      // core/llm/openaiTypeConverters.ts: tools in agent mode, blanks for empty answers.
      client: "Continue",
      what: "a question in agent mode",
      path: "/v1/chat/completions",
      body: {
        messages: [
          { role: "user", content: "why" },
          { role: "assistant", content: " " },
          { role: "user", content: [text("how"), { ...part({ detail: "auto" }), text: undefined }] },
        ],
        model: MODEL,
        max_tokens: 8,
        temperature: 0.2,
        seed: 9,
        stream: true,
        prediction: { type: "content", content: "x" },
        tools: TOOLS,
        parallel_tool_calls: false,
      },
      messages: [{ role: "user", content: "why" }, { role: "assistant", content: " " }, seen("how")],
      options: { ...short, temperature: 0.2, seed: 9 },
      warns: /^tools has no effect here: this model calls none\.$/,
    },
    {
      client: "Continue",
      what: "an edit by the largest answer that there may be",
      path: "/v1/chat/completions",
      body: { messages: [{ role: "user", content: "why" }], model: MODEL, max_tokens: -1, stop: ["e", "a", "\n"] },
      messages: [{ role: "user", content: "why" }],
      options: { maxTokens: 10_000, stop: ["e", "a", "\n"] },
      warns: null,
    },
    {
      client: "llama.cpp's web page",
      what: "a chat with every setting of the page",
      path: "/v1/chat/completions",
      body: {
        messages: [{ role: "user", content: [text("why"), part()] }],
        stream: true,
        reasoning_format: "auto",
        chat_template_kwargs: { enable_thinking: false },
        temperature: 0.8,
        max_tokens: 8,
        seed: 6,
        dynatemp_range: 0,
        top_k: 40,
        top_p: 0.95,
        min_p: 0.05,
        xtc_probability: 0,
        typ_p: 1,
        repeat_last_n: 64,
        repeat_penalty: 1,
        presence_penalty: 0,
        frequency_penalty: 0,
        dry_multiplier: 0,
        samplers: ["top_k", "temperature"],
        timings_per_token: true,
        cache_prompt: true,
      },
      messages: [seen("why")],
      options: { ...short, temperature: 0.8, seed: 6, topK: 40, topP: 0.95, minP: 0.05 },
      warns: /reasoning_format.*chat_template_kwargs/,
    },
    {
      client: "ollama run",
      what: "a prompt with a picture",
      path: "/api/generate",
      body: {
        model: MODEL,
        prompt: "why",
        suffix: "",
        system: "be brief",
        template: "",
        context: [],
        images: [base64],
        format: "",
        stream: false,
        options: { num_predict: 8 },
      },
      messages: [{ role: "system", content: "be brief" }, seenFirst("why")],
      warns: null,
    },
    {
      client: "Claude's SDK",
      what: "a message with a picture",
      path: "/v1/messages",
      headers: { "x-api-key": "any", "anthropic-version": "2023-06-01" },
      body: {
        model: MODEL,
        max_tokens: 8,
        system: [{ type: "text", text: "be brief", cache_control: { type: "ephemeral" } }],
        messages: [
          {
            role: "user",
            content: [
              { type: "image", source: { type: "base64", media_type: "image/png", data: base64 } },
              text("why"),
            ],
          },
        ],
        stream: true,
        thinking: { type: "disabled" },
        metadata: { user_id: "u" },
      },
      messages: [{ role: "system", content: ["be brief"] }, seenFirst("why")],
      warns: /^thinking has no effect here\.$/,
    },
    {
      client: "openai 7",
      what: "a response with a picture",
      path: "/v1/responses",
      body: {
        model: MODEL,
        instructions: "be brief",
        input: [
          {
            role: "user",
            content: [
              { type: "input_text", text: "why" },
              { type: "input_image", image_url: url, detail: "auto" },
            ],
          },
        ],
        max_output_tokens: 8,
        reasoning: { effort: "minimal" },
        include: ["reasoning.encrypted_content"],
        text: { verbosity: "low" },
        truncation: "auto",
        store: false,
        stream: true,
      },
      messages: [{ role: "system", content: "be brief" }, seen("why")],
      warns: /reasoning has no effect here.*truncation/,
    },
  ];
}
