# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tiny models of the kinds that people train, for roundtrip.py and as examples for `python -m dpc.export models.py:nanogpt`.

Each function returns (module, args) or (module, args, loss), sizes being those of one micro-batch. Two are
written out here; the others are built by `transformers` from a configuration, with drawn weights.
"""
import math

import torch
from torch import nn
from torch.nn import functional as F

BATCH, LENGTH, VOCABULARY = 2, 16, 64


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.c_attn = nn.Linear(width, 3 * width)
        self.c_proj = nn.Linear(width, width)
        self.register_buffer("bias", torch.tril(torch.ones(LENGTH, LENGTH)).view(1, 1, LENGTH, LENGTH))

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = (part.view(batch, length, self.heads, width // self.heads).transpose(1, 2) for part in self.c_attn(x).split(width, dim=2))
        scores = (q @ k.transpose(-2, -1)) * (1 / math.sqrt(width // self.heads))
        scores = scores.masked_fill(self.bias[:, :, :length, :length] == 0, float("-inf"))
        return self.c_proj((F.softmax(scores, dim=-1) @ v).transpose(1, 2).contiguous().view(batch, length, width))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.ln_1, self.attn, self.ln_2 = nn.LayerNorm(width), Attention(width, heads), nn.LayerNorm(width)
        self.mlp = nn.ModuleDict(dict(c_fc=nn.Linear(width, 4 * width), c_proj=nn.Linear(4 * width, width)))

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp["c_proj"](F.gelu(self.mlp["c_fc"](self.ln_2(x))))


class NanoGPT(nn.Module):
    """A decoder with tied embeddings that returns (logits, loss)."""

    def __init__(self, width=32, heads=4, layers=2):
        super().__init__()
        self.transformer = nn.ModuleDict(dict(wte=nn.Embedding(VOCABULARY, width), wpe=nn.Embedding(LENGTH, width),
                                              h=nn.ModuleList(Block(width, heads) for _ in range(layers)), ln_f=nn.LayerNorm(width)))
        self.lm_head = nn.Linear(width, VOCABULARY, bias=False)
        self.transformer.wte.weight = self.lm_head.weight
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, 0, 0.02)

    def forward(self, idx, targets=None):
        positions = torch.arange(idx.shape[1])
        x = self.transformer.wte(idx) + self.transformer.wpe(positions)
        for block in self.transformer.h:
            x = block(x)
        logits = self.lm_head(self.transformer.ln_f(x))
        loss = None if targets is None else F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-1)
        return logits, loss


class VisionTransformer(nn.Module):
    """Patches by a linear layer, a class token, learned positions, layer scale; copies of one layer, as nn.TransformerEncoder makes them."""

    def __init__(self, width=32, patch=4, image=16, channels=3, classes=10, layers=2):
        super().__init__()
        self.patch = patch
        self.embed = nn.Linear(channels * patch * patch, width)
        self.cls_token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.positions = nn.Parameter(torch.randn(1, (image // patch) ** 2 + 1, width) * 0.02)
        first = Block(width, 4)
        import copy
        self.blocks = nn.ModuleList(copy.deepcopy(first) for _ in range(layers))
        for block in self.blocks:
            block.attn.bias = torch.ones_like(torch.empty(1, 1, LENGTH + 1, LENGTH + 1))
        self.scale = nn.ParameterList(nn.Parameter(torch.full((width,), 0.1)) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, pixels):
        batch, channels, height, width = pixels.shape
        p = self.patch
        x = pixels.view(batch, channels, height // p, p, width // p, p).permute(0, 2, 4, 1, 3, 5).reshape(batch, -1, channels * p * p)
        x = torch.cat([self.cls_token.expand(batch, -1, -1), self.embed(x)], dim=1) + self.positions
        for block, scale in zip(self.blocks, self.scale):
            x = x + scale * block(x)
        return self.head(self.norm(x)[:, 0])


class EncoderLayer(nn.Module):
    """Attention to every position and an MLP, both behind a norm."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln_1, self.qkv, self.out = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.ln_2, self.up, self.down = nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = (part.view(batch, length, self.heads, width // self.heads).transpose(1, 2) for part in self.qkv(self.ln_1(x)).split(width, dim=2))
        p = F.softmax((q @ k.transpose(-2, -1)) * (1 / math.sqrt(width // self.heads)), dim=-1)
        x = x + self.out((p @ v).transpose(1, 2).reshape(batch, length, width))
        return x + self.down(F.gelu(self.up(self.ln_2(x))))


class ConvolutionalViT(nn.Module):
    """A vision transformer as it is trained: patches by a convolution of the real kernel and stride."""

    def __init__(self, width=48, heads=4, layers=4, image=64, classes=10):
        super().__init__()
        self.stem = nn.Conv2d(3, width, kernel_size=16, stride=16)
        self.cls_token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.positions = nn.Parameter(torch.randn(1, (image // 16) ** 2 + 1, width) * 0.02)
        self.layers = nn.ModuleList(EncoderLayer(width, heads) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, pixels):
        x = self.stem(pixels).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], dim=1) + self.positions
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x)[:, 0])


class Whisper(nn.Module):
    """The encoder of Whisper: two convolutions over 80 mel channels, the second of which halves the length, and fixed
    positions; a classifier of its mean behind it."""

    def __init__(self, width=48, heads=4, layers=4, length=32, classes=10):
        super().__init__()
        self.conv1 = nn.Conv1d(80, width, kernel_size=3, padding=1)
        self.conv2 = nn.Conv1d(width, width, kernel_size=3, stride=2, padding=1)
        angles = torch.arange(length // 2)[:, None] * torch.exp(-math.log(10000) / (width // 2 - 1) * torch.arange(width // 2))[None]
        self.register_buffer("positions", torch.cat([angles.sin(), angles.cos()], dim=1))
        self.layers = nn.ModuleList(EncoderLayer(width, heads) for _ in range(layers))
        self.ln_post, self.head = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, mel):
        x = F.gelu(self.conv2(F.gelu(self.conv1(mel)))).transpose(1, 2) + self.positions
        for layer in self.layers:
            x = layer(x)
        return self.head(self.ln_post(x).mean(dim=1))


def _tokens(*shape):
    return torch.randint(0, VOCABULARY, shape or (BATCH, LENGTH))


def nanogpt():
    torch.manual_seed(0)
    return NanoGPT(), dict(idx=_tokens(), targets=_tokens())


def vit():
    torch.manual_seed(0)
    return VisionTransformer(), (torch.randn(BATCH, 3, 16, 16), torch.randint(0, 10, (BATCH,))), "cross_entropy"


def vit_conv():
    torch.manual_seed(0)
    return ConvolutionalViT(), (torch.randn(BATCH, 3, 64, 64), torch.randint(0, 10, (BATCH,))), "cross_entropy"


def whisper():
    torch.manual_seed(0)
    return Whisper(), (torch.randn(BATCH, 80, 32), torch.randint(0, 10, (BATCH,))), "cross_entropy"


def llama():
    from transformers import LlamaConfig, LlamaForCausalLM
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=VOCABULARY, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                         max_position_embeddings=LENGTH, bos_token_id=1, eos_token_id=2)
    ids = _tokens()
    return LlamaForCausalLM(config), dict(input_ids=ids, labels=ids.clone())


def qwen3():
    from transformers import Qwen3Config, Qwen3ForCausalLM
    torch.manual_seed(0)
    config = Qwen3Config(vocab_size=VOCABULARY, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=8,
                         max_position_embeddings=LENGTH, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2)
    ids = _tokens()
    return Qwen3ForCausalLM(config), dict(input_ids=ids, labels=ids.clone())


def t5():
    from transformers import T5Config, T5ForConditionalGeneration
    torch.manual_seed(0)
    config = T5Config(vocab_size=VOCABULARY, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_decoder_layers=2, num_heads=4, dropout_rate=0.0,
                      decoder_start_token_id=0)
    return T5ForConditionalGeneration(config), dict(input_ids=_tokens(), labels=_tokens())


def mixtral():
    from transformers import MixtralConfig, MixtralForCausalLM
    torch.manual_seed(0)
    config = MixtralConfig(vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                           num_local_experts=4, num_experts_per_tok=2, max_position_embeddings=LENGTH, bos_token_id=1, eos_token_id=2)
    ids = _tokens()
    return MixtralForCausalLM(config), dict(input_ids=ids, labels=ids.clone())


def bert():
    from transformers import BertConfig, BertForMaskedLM
    torch.manual_seed(0)
    config = BertConfig(vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, max_position_embeddings=LENGTH,
                        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    labels = _tokens()
    labels[torch.rand(labels.shape) < 0.6] = -100
    return BertForMaskedLM(config), dict(input_ids=_tokens(), attention_mask=torch.ones(BATCH, LENGTH, dtype=torch.int64), labels=labels)


def gpt2():
    from transformers import GPT2Config, GPT2LMHeadModel
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=LENGTH, bos_token_id=1, eos_token_id=2,
                        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0)
    ids = _tokens()
    return GPT2LMHeadModel(config), dict(input_ids=ids, labels=ids.clone())


MODELS = {function.__name__: function for function in (nanogpt, gpt2, llama, qwen3, t5, mixtral, bert, vit, vit_conv, whisper)}
