"""GGUF files, run here by llama.cpp through llama-cpp-python; and the script that writes a folder's model as one."""
