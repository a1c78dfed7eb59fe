"""ONNX: conversion, smaller and quicker graphs, variants of lower precision."""
