# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What PyTorch makes of the model that dpc is measured with: `pytorch.py eager|compiled f32|bf16 LAYERS WIDTH HEADS SEQUENCE VOCABULARY
BATCH MICRO_BATCHES` trains it on the GPU and prints the time of a step. f32 is without TF32; bf16 is autocast. Attention is written out,
as the exported graph has it. Ends with 77 where there is no PyTorch with a GPU."""
import sys
import time

try:
    import torch
    import torch.nn.functional as functional
except ImportError:
    print("there is no PyTorch")
    sys.exit(77)

STEPS = 12


class Block(torch.nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln1, self.ln2 = torch.nn.LayerNorm(width), torch.nn.LayerNorm(width)
        self.qkv, self.proj = torch.nn.Linear(width, 3 * width), torch.nn.Linear(width, width)
        self.fc1, self.fc2 = torch.nn.Linear(width, 4 * width), torch.nn.Linear(4 * width, width)

    def forward(self, h, mask):
        batch, sequence, width = h.shape
        q, k, v = self.qkv(self.ln1(h)).view(batch, sequence, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        scores = q @ k.transpose(-1, -2) * (width // self.heads) ** -0.5 + mask
        a = (torch.softmax(scores, -1) @ v).transpose(1, 2).reshape(h.shape)
        h = h + self.proj(a)
        return h + self.fc2(functional.gelu(self.fc1(self.ln2(h)), approximate="tanh"))


class Model(torch.nn.Module):
    def __init__(self, layers, width, heads, sequence, vocabulary):
        super().__init__()
        self.tokens, self.places = torch.nn.Embedding(vocabulary, width), torch.nn.Embedding(sequence, width)
        self.blocks = torch.nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm, self.head = torch.nn.LayerNorm(width), torch.nn.Linear(width, vocabulary, bias=False)
        self.register_buffer("mask", torch.full((sequence, sequence), -3.4e38).triu(1))

    def forward(self, x, y):
        h = self.tokens(x) + self.places.weight
        for block in self.blocks:
            h = block(h, self.mask)
        return functional.cross_entropy(self.head(self.norm(h)).flatten(0, 1), y.flatten())


def main():
    how, precision, *numbers = sys.argv[1:]
    layers, width, heads, sequence, vocabulary, batch, micro_batches = map(int, numbers)
    if not torch.cuda.is_available():
        print("this PyTorch sees no GPU")
        sys.exit(77)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.manual_seed(1)
    model = Model(layers, width, heads, sequence, vocabulary).cuda()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    forward = torch.compile(model) if how == "compiled" else model
    x, y = torch.randint(vocabulary, (2, micro_batches, batch, sequence), device="cuda")
    times = []
    for _ in range(STEPS):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        optimizer.zero_grad()
        for m in range(micro_batches):
            with torch.autocast("cuda", torch.bfloat16, enabled=precision == "bf16"):
                loss = forward(x[m], y[m])
            (loss / micro_batches).backward()
        optimizer.step()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - begin) * 1e3)
    last = sorted(times[2:])
    print(f"PyTorch {torch.__version__}, {how}, {precision}: {last[0]:.2f} ms least, {last[len(last) // 2]:.2f} ms median of {len(last)} steps")


if __name__ == "__main__":
    main()
