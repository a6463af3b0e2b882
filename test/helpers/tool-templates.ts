/** Chat templates of models that call tools, each as far as it is of conversations with tools. */

const chatml = (answerBegins: string, lastBegins: string) => `{%- if tools %}
    {{- '<|im_start|>system\\n# Tools\\n' }}
    {%- for tool in tools %}{{- tool | tojson }}{%- endfor %}
    {{- '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == "assistant" %}
        {{- '<|im_start|>assistant\\n' }}
        {%- if loop.last %}{{- '${lastBegins}' }}{%- endif %}
        {{- message.content }}
        {%- for call in message.tool_calls or [] %}
            {%- if message.content or not loop.first %}{{- '\\n' }}{%- endif %}
            {{- '<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' }}
            {{- call.function.arguments | tojson }}
            {{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response><|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n${answerBegins}' }}{%- endif %}
`;

/** Qwen3: the conversation's last answer has a thought, empty or not (Qwen/Qwen3-0.6B). */
export const QWEN3 = chatml("", "<think>\\n\\n</think>\\n\\n");
/** QwQ: an answer begins inside a thought (Qwen/QwQ-32B). */
export const QWQ = chatml("<think>\\n", "");
/** Hermes 3 (NousResearch/Hermes-3-Llama-3.1-8B). */
export const HERMES = chatml("", "");

/** Llama 3.1 and 3.2: the object of JSON alone, one a message, and no text beside it (meta-llama/Llama-3.1-8B-Instruct). */
export const LLAMA = `{%- if tools is none %}{%- set tools = [] %}{%- endif %}
{%- for message in messages %}
    {%- if message.role == "tool" %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\\n\\n" + message.content + "<|eot_id|>" }}
    {%- elif message.tool_calls %}
        {%- if message.tool_calls | length != 1 %}{{- raise_exception("This model calls one tool at a time") }}{%- endif %}
        {%- set call = message.tool_calls[0].function %}
        {{- "<|start_header_id|>assistant<|end_header_id|>\\n\\n" }}
        {{- '{"name": "' + call.name + '", "parameters": ' }}
        {{- call.arguments | tojson }}
        {{- "}<|eot_id|>" }}
    {%- else %}
        {{- "<|start_header_id|>" + message.role + "<|end_header_id|>\\n\\n" }}
        {%- if message.role == "user" and loop.first %}{%- for tool in tools %}{{- tool | tojson }}{%- endfor %}{%- endif %}
        {{- message.content + "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- "<|start_header_id|>assistant<|end_header_id|>\\n\\n" }}{%- endif %}
`;

/** Mistral Nemo: a list of calls, each with an id of nine characters (mistralai/Mistral-Nemo-Instruct-2407). */
export const MISTRAL = `{%- for message in messages %}
    {%- if message.role == "user" %}
        {%- if tools and loop.first %}
            {{- "[AVAILABLE_TOOLS][" }}
            {%- for tool in tools %}{{- tool | tojson }}{%- if not loop.last %}{{- ", " }}{%- endif %}{%- endfor %}
            {{- "][/AVAILABLE_TOOLS]" }}
        {%- endif %}
        {{- "[INST]" + message.content + "[/INST]" }}
    {%- elif message.tool_calls %}
        {{- "[TOOL_CALLS][" }}
        {%- for call in message.tool_calls or [] %}
            {%- if call.id is not defined or call.id | length != 9 %}{{- raise_exception("ids have 9 characters") }}{%- endif %}
            {{- '{"name": "' + call.function.name + '", "arguments": ' }}
            {{- call.function.arguments | tojson }}
            {{- ', "id": "' + call.id + '"}' }}
            {%- if not loop.last %}{{- ", " }}{%- endif %}
        {%- endfor %}
        {{- "]</s>" }}
    {%- elif message.role == "assistant" %}
        {{- message.content + "</s>" }}
    {%- elif message.role == "tool" %}
        {%- if message.tool_call_id is not defined or message.tool_call_id | length != 9 %}{{- raise_exception("ids have 9 characters") }}{%- endif %}
        {{- '[TOOL_RESULTS]{"content": ' }}
        {{- message.content | tojson }}
        {{- ', "call_id": "' + message.tool_call_id + '"}[/TOOL_RESULTS]' }}
    {%- endif %}
{%- endfor %}
`;
