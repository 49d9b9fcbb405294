#!/bin/bash
# Starts an SGLang or a TGI server with a model, runs evalkit against it and stops it:
#   ./serve-and-run.sh sglang Qwen/Qwen3-8B mmlu gsm8k
#   ./serve-and-run.sh tgi    Qwen/Qwen3-8B gsm8k
set -euo pipefail

engine=$1 model=$2
shift 2
port=${PORT:-30000}
case $engine in
    sglang) python -m sglang.launch_server --model-path "$model" --port "$port" & ;;
    tgi) text-generation-launcher --model-id "$model" --port "$port" & ;;
    *) echo "sglang or tgi, not $engine" >&2; exit 2 ;;
esac
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true' EXIT
until curl --silent --fail "http://127.0.0.1:$port/health" >/dev/null; do
    kill -0 "$server" 2>/dev/null || { echo "the $engine server has ended" >&2; exit 1; }
    sleep 2
done
evalkit run "$@" --model "$engine/$model,base_url=http://127.0.0.1:$port/v1"
